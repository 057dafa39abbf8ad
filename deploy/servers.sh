#!/usr/bin/env bash
# The servers that the test suite starts for itself, on free ports: Redis, PostgreSQL, OpenLDAP, 389 Directory Server,
# Samba as a domain controller; Node.js, promtool, and Chromium.
# Root gets what is missing from Debian's packages; anybody else gets one line that names it.
set -euo pipefail

has() {
  PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null
}

missing=()
has redis-server || missing+=(redis-server)
has slapd || missing+=(slapd)
has ldapsearch || missing+=(ldap-utils)
has ns-slapd || missing+=(389-ds-base)
has samba || missing+=(samba)
[ -e /usr/share/samba/setup/provision.ldif ] || missing+=(samba-ad-provision)
compgen -G '/usr/lib/*/samba/ldb/samldb.so' >/dev/null || missing+=(samba-dsdb-modules)
has openssl || missing+=(openssl)
has node || missing+=(nodejs)
has npm || missing+=(npm)
has chromium || missing+=(chromium)
has promtool || missing+=(prometheus)
has postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing+=(postgresql)
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi

if [ "$(id -u)" -ne 0 ] || ! has apt-get; then
  echo "missing for the tests: ${missing[*]}; as root: apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi

# 101 tells Debian's maintainer scripts not to start services; the tests start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
echo "installing ${missing[*]}" >&2
apt-get update -qq </dev/null
apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
