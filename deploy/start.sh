#!/bin/sh
# What one container runs: web, worker, stream or migrate. `exec`, so that SIGTERM reaches the process itself.
set -eu
mkdir -p "$DATA_DIR"
[ -e "$DATA_DIR/model" ] || ln -s /srv/model/model "$DATA_DIR/model"
case "${1:-web}" in
  web) exec python -m granian --interface wsgi --factory app:create_app --host 0.0.0.0 --port "${PORT:-8000}" \
         --workers "${WORKERS:-2}" --blocking-threads "${THREADS:-4}" --backlog 1024 \
         --respawn-failed-workers --workers-kill-timeout 10 --log-level warning ;;
  stream) exec python -m granian --interface asgi --factory stream:create --host 0.0.0.0 --port "${STREAM_PORT:-8001}" \
         --workers 1 --no-ws --backlog 2048 --log-level warning ;;
  worker) exec python app.py worker ;;
  migrate) exec python -m records.migrate ;;
  *) exec "$@" ;;
esac
