#!/bin/sh
# What one container runs: web, worker, stream or migrate. `exec`, so that SIGTERM reaches the process itself.
set -eu
mkdir -p "$DATA_DIR"

# The image's model, copied where it can be locked (the image is read only): into place in one step, for several
# containers may share the folder and start at once. Older models stay for those that still run the older code.
take_model() {
  from="${IMAGE_MODEL:-/srv/model/model}"
  mkdir -p "$DATA_DIR/model"
  for part in "$from"/*/; do
    name=$(basename "$part")
    [ ! -e "$DATA_DIR/model/$name" ] || continue
    cp -r "$part" "$DATA_DIR/model/.$name.$$"
    mv -T "$DATA_DIR/model/.$name.$$" "$DATA_DIR/model/$name" 2>/dev/null || rm -rf "$DATA_DIR/model/.$name.$$"
  done
}

case "${1:-web}" in
  web) take_model
       exec python -m granian --interface wsgi --factory app:create_app --host 0.0.0.0 --port "${PORT:-8000}" \
         --workers "${WORKERS:-2}" --blocking-threads "${THREADS:-4}" --backlog 1024 \
         --respawn-failed-workers --workers-kill-timeout 10 --log-level warning ;;
  worker) take_model
          exec python app.py worker ;;
  stream) exec python -m granian --interface asgi --factory stream:create --host 0.0.0.0 --port "${STREAM_PORT:-8001}" \
         --workers 1 --no-ws --backlog 2048 --log-level warning ;;
  migrate) exec python -m records.migrate ;;
  *) exec "$@" ;;
esac
