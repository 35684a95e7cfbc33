#!/usr/bin/env bash
# Compares the exported API of the library with .ci/api/*.txt.
#   .ci/api.sh      fails where they differ
#   .ci/api.sh -w   writes the files; a line that goes away needs a reason in the change
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
want=$(mktemp -d)
tool=$(mktemp)
trap 'rm -rf "$want" "$tool"' EXIT
export GOWORK=off
go build -o "$tool" ./.ci/api
for dir in $(go list -f '{{if ne .Name "main"}}{{.Dir}}{{end}}' ./... | sed "s|^$PWD/||" | grep -vE '(^|/)internal/'); do
  "$tool" "$dir" > "$want/${dir//\//_}.txt"
done
if [ "${1-}" = -w ]; then
  rm -f .ci/api/*.txt
  cp "$want"/*.txt .ci/api/
  exit
fi
for f in "$want"/*.txt .ci/api/*.txt; do
  name=$(basename "$f")
  if ! diff -u ".ci/api/$name" "$want/$name"; then
    status=1
  fi
done
if [ $status != 0 ]; then
  echo "the exported API has changed: .ci/api.sh -w writes it down"
fi
exit $status
