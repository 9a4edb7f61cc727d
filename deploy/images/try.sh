#!/usr/bin/env bash
# A task through what docker compose started: registered for in a moment, and seen in the logs.
set -euo pipefail
api=${1:-http://127.0.0.1:3001}
page=${2:-http://127.0.0.1:3000}

curl --fail --silent --show-error "$page/config.json"
curl --fail --silent --show-error "$api/tasks" --header 'content-type: application/json' \
  --data "{\"description\": \"from the containers\", \"time\": \"$(date -u -d '+2 seconds' +%FT%TZ)\", \"recurring\": false}"
echo
for _ in $(seq 30); do
  if curl --fail --silent "$api/tasks/logs" | grep --fixed-strings 'from the containers'; then
    exit 0
  fi
  sleep 1
done
echo "the task did not run within 30 seconds" >&2
exit 1
