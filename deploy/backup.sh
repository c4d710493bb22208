#!/bin/sh
# Back the service up while it runs: database, uploads, spool. The keys (DATA_KEY, LOOKUP_KEY) are NOT in it: keep those in a safe,
# elsewhere, for without them a backup can't be read by anybody, us included.
#   DATABASE_URL=… DATA_DIR=… deploy/backup.sh /var/backups/city     prints the folder it made
# Without DATABASE_URL it is the service's own SQLite file in DATA_DIR.
set -eu
umask 077
url=$(echo "${DATABASE_URL:-sqlite:///$DATA_DIR/city.db}" | sed 's/^postgresql+psycopg:/postgresql:/')
into="$1/$(date -u +%Y%m%dT%H%M%SZ)"
mkdir -p "$into.part"

pack() {
  [ -d "$DATA_DIR/$1" ] || return 0
  # 1: files came or went while tar read.
  tar -C "$DATA_DIR" -czf "$into.part/$1.tar.gz" "$1" 2>"$into.part/tar.log" || [ $? -eq 1 ] || { cat "$into.part/tar.log" >&2; exit 2; }
  rm "$into.part/tar.log"
}

# The spool before the database: what leaves it meanwhile is in the database by then, what is in both is known by its key.
pack spool
case "$url" in
  postgresql*) "${PG_BIN:+$PG_BIN/}pg_dump" --format=custom --no-owner --file="$into.part/city.dump" "$url" ;;
  *) "${PYTHON:-python3}" -c 'import sqlite3, sys
source, target = sqlite3.connect(f"file:{sys.argv[1]}?mode=rw", uri=True), sqlite3.connect(sys.argv[2])
source.backup(target, pages=1000); target.close()' "${url#sqlite:///}" "$into.part/city.db" ;;
esac
pack uploads
(cd "$into.part" && sha256sum -- * > SHA256SUMS)
mv "$into.part" "$into"
# Keep two weeks, of backups that broke off too.
find "$1" -mindepth 1 -maxdepth 1 -type d \( -name '20*Z' -o -name '20*Z.part' \) -mtime +14 -exec rm -rf {} +
echo "$into"
