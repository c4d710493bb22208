"""The WeChat official account as a channel: the only rooms that know XML, openids and errcodes."""
