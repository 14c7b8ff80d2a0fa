#!/bin/sh
# Installs the Debian packages that Lodge needs and does not find, and says so. Arguments: build, test, faults, peers.
set -eu

missing=
need() { # need PACKAGE FILE-OR-COMMAND
    case "$2" in
        /*) [ -e "$2" ] || missing="$missing $1" ;;
        *) command -v "$2" >/dev/null 2>&1 || missing="$missing $1" ;;
    esac
}

command -v swift >/dev/null 2>&1 || {
    echo "Lodge needs the Swift toolchain, 6.2 or later: https://www.swift.org/install" >&2
    exit 1
}

for purpose in "$@"; do
    case "$purpose" in
        build)
            need libsqlite3-dev /usr/include/sqlite3.h
            need zlib1g-dev /usr/include/zlib.h
            need pkg-config pkg-config
            ;;
        test)
            need python3 python3
            python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
            need tzdata /usr/share/zoneinfo/Europe/Berlin
            ;;
        faults)
            need gcc cc
            need iproute2 ip
            need nftables nft
            ;;
        peers) need wrk wrk ;;
    esac
done

[ -n "$missing" ] || exit 0
echo "Installing Debian packages:$missing"
run=
[ "$(id -u)" = 0 ] || run=sudo
if ! command -v apt-get >/dev/null 2>&1; then
    echo "This is no Debian: install the equivalents of$missing and run the command again" >&2
    exit 1
fi
$run env DEBIAN_FRONTEND=noninteractive apt-get update -q
# shellcheck disable=SC2086
$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
