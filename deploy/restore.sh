#!/bin/sh
# Bring a backup back into an EMPTY database and data folder. Stop the service first; start it afterwards and run the
# doctor. A newer program than the backup's: run `python -m records.migrate` before the start.
#   DATABASE_URL=… DATA_DIR=… deploy/restore.sh /var/backups/city/20261122T031000Z
set -eu
umask 077
from="$1"
url=$(echo "${DATABASE_URL:-sqlite:///$DATA_DIR/city.db}" | sed 's/^postgresql+psycopg:/postgresql:/')
(cd "$from" && sha256sum --check --quiet SHA256SUMS)
mkdir -p "$DATA_DIR"
case "$url" in
  postgresql*)
    "${PG_BIN:+$PG_BIN/}pg_restore" --exit-on-error --no-owner --single-transaction --dbname="$url" "$from/city.dump" ;;
  *)
    to="${url#sqlite:///}"
    [ ! -e "$to" ] || { echo "$to is there already; restore into an empty folder" >&2; exit 1; }
    cp "$from/city.db" "$to" ;;
esac
for part in uploads spool; do
  [ ! -e "$from/$part.tar.gz" ] || tar -C "$DATA_DIR" -xzf "$from/$part.tar.gz"
done
echo restored
