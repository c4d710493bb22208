"""The WeChat official account as a channel: the only rooms that know XML, openids and errcodes.

| module | what it does |
|---|---|
| `channel` | WeChat as a turn sees it, and what an application registers |
| `routes` | the callback `/wechat` |
| `gateway`, `seal`, `wire`, `kinds` | verify and decrypt; read; what each kind means |
| `budget`, `spool` | four seconds, and a safe place for what takes longer |
| `replies` | the passive answer and the customer messages after it |
| `client`, `tokens`, `errors` | the platform's API, its shared token, its error codes |
| `delivery` | sends a row of the outbox |
| `menu`, `media`, `jssdk`, `oauth` | the menu; pictures; signatures for pages; who looks at a page |
"""
