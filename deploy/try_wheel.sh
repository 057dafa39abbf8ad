#!/usr/bin/env bash
# Build the wheel, install it beside the locked versions of what it needs, and call it from elsewhere:
# the tree must not help.
set -euo pipefail
cd "$(dirname "$0")/.."

uv="$(python3 deploy/bootstrap.py)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

"$uv" build --quiet --wheel --out-dir "$work/dist"
"$uv" export --quiet --locked --no-dev --all-extras --no-hashes --no-emit-project --output-file "$work/locked.txt"
"$uv" venv --quiet --python .venv/bin/python "$work/venv"
wheel="$(echo "$work"/dist/scimbridge-*.whl)"
"$uv" pip install --quiet --python "$work/venv/bin/python" --constraint "$work/locked.txt" "${wheel}[google-workspace,ldap,microsoft365,sample,scim,postgresql]"

cd "$work"
venv/bin/scimbridge --help >/dev/null
venv/bin/scimbridge config example >scimbridge.toml
# The secrets that the example names, read out of it, so that a new one is never forgotten here; two have a form of their own.
for name in $(grep -oP 'env = "\K\w+' scimbridge.toml); do export "$name=x"; done
export NOTIFY_WEBHOOK=https://hooks.example.com/x HOOK_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
export NOTIFY_SECRET="$HOOK_SECRET"
echo '{"client_email": "bridge@example.com", "private_key": "x", "token_uri": "https://example.com"}' >service-account.json
venv/bin/scimbridge config check --config scimbridge.toml
venv/bin/scimbridge connectors new desk >/dev/null
echo "the wheel works: $(basename "$wheel")"
