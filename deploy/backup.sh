#!/bin/sh
# Back the service up while it runs: database, uploads, spool. The keys (DATA_KEY, LOOKUP_KEY) are NOT in it: keep those in a safe,
# elsewhere, for without them a backup can't be read by anybody, us included.
#   DATABASE_URL=… DATA_DIR=… deploy/backup.sh /var/backups/city     prints the folder it made
set -eu
umask 077
into="$1/$(date -u +%Y%m%dT%H%M%SZ)"
mkdir -p "$into.part"
case "${DATABASE_URL:-sqlite}" in
  postgresql*) "${PG_BIN:+$PG_BIN/}pg_dump" --format=custom --no-owner --file="$into.part/city.dump" "$DATABASE_URL" ;;
  *) "${PYTHON:-python3}" -c 'import sqlite3, sys
source, target = sqlite3.connect(sys.argv[1]), sqlite3.connect(sys.argv[2])
source.backup(target, pages=1000); target.close()' "${DATABASE_URL#sqlite:///}" "$into.part/city.db" ;;
esac
for part in uploads spool; do
  [ -d "$DATA_DIR/$part" ] && tar -C "$DATA_DIR" -czf "$into.part/$part.tar.gz" "$part"
done
(cd "$into.part" && sha256sum -- * > SHA256SUMS)
mv "$into.part" "$into"
# Keep two weeks.
find "$1" -mindepth 1 -maxdepth 1 -type d -name '20*Z' -mtime +14 -exec rm -rf {} +
echo "$into"
