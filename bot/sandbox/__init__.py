"""A stand-in for the WeChat platform, so that an office can try the service without an account.

It is the *other side*: it speaks real HTTP to the service's callback and answers the API that the service calls, as
the platform's documents describe it. It shares no code with `bot/wechat` (a mistake made twice would look right), and
it exists in rehearsal mode only.

| module | question |
|---|---|
| `platform.py` | what does the platform know: people, windows, chats, switches? |
| `phone.py` | what can a person do with a phone? |
| `push.py`, `wire.py`, `cipher.py` | how does that reach the service's callback? |
| `answers.py` | what does the platform make of the service's answer? |
| `api.py` and the `api_*.py` beside it | what does the platform's API answer? |
| `door.py` | how can the API never starve the server it lives in? |
| `routes.py`, `templates/`, `static/` | what does it look like in a browser? |
| `driver.py` | how do tests and benchmarks hold the phone? |

Threads. A push to the callback never runs in the browser's request: it has a thread of its own, so one server thread
is enough for the callback. While the callback (or a web page signing someone in) waits for the platform's API, that
API must not need a thread of the same server, or two workers with one thread each would wait for each other until
both time out. So every process of the service opens a `door` in rehearsal: a loopback port with a thread for each
connection, which serves the API beside the server's own `/sandbox/api`. State is in Redis, so it does not matter which
process is asked.
"""
