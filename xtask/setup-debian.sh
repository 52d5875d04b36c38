#!/usr/bin/env bash
# Installs what the tests and benchmarks need on Debian or Ubuntu, and nothing that is already there.
set -euo pipefail

packages=()

# need COMMAND PACKAGE: the package is missing when the command is.
need() {
  PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 || packages+=("$2")
}

need cc build-essential
need musl-gcc musl-tools
need strace strace
need wrk wrk
need redis-server redis-server
need nginx nginx-light
need busybox busybox-static
need gdb gdb
need go golang-go
need java default-jdk-headless
need python3 python3
need s6-svscan s6
need tini tini
need node nodejs
need npm npm
need unshare util-linux
need mount mount
need ip iproute2
need git git
need skopeo skopeo
need umoci umoci
need docker-registry docker-registry
need openssl openssl
need ssh-keygen openssh-client
need puttygen putty-tools
need rpmbuild rpm
if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
  packages+=(python3-venv)
fi
if ! command -v chromium >/dev/null 2>&1 && ! command -v google-chrome >/dev/null 2>&1; then
  packages+=(chromium)
fi
if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && ! command -v initdb >/dev/null 2>&1; then
  packages+=(postgresql)
fi

if [ "${#packages[@]}" -gt 0 ]; then
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: not Debian; please install: ${packages[*]}" >&2
    exit 1
  fi
  as_root=()
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
      echo "setup: needs root or sudo to install: ${packages[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "setup: installing ${packages[*]}"
  # The packages' services (nginx, postgresql) are not started: the tests run their own, on loopback.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
  fi
  "${as_root[@]}" apt-get update -qq </dev/null
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${packages[@]}" </dev/null
fi

# The AWS CLI and boto3, for the tests that have them judge the GuardDuty API. Debian's may be too old for it.
# Answers are held against the service model: an older one does not know all members.
recent='import boto3, botocore; assert tuple(map(int, botocore.__version__.split(".")[:2])) >= (1, 44)'
if ! command -v aws >/dev/null 2>&1 || ! python3 -c "$recent" 2>/dev/null; then
  python=target/python
  if [ ! -x "$python/bin/aws" ] || ! "$python/bin/python3" -c "$recent" 2>/dev/null; then
    echo "setup: installing awscli and boto3 into $python"
    python3 -m venv "$python"
    "$python/bin/pip" install -q --disable-pip-version-check 'awscli>=1.46,<2' 'boto3>=1.44,<2'
  fi
fi

# The sensor that goes into tasks is linked statically against musl.
target=$(uname -m)-unknown-linux-musl
libdir=$(rustc --print target-libdir --target "$target" 2>/dev/null || true)
if [ ! -d "$libdir" ]; then
  if command -v rustup >/dev/null 2>&1; then
    rustup target add "$target"
  else
    echo "setup: no rustup, so no $target target: what needs the static sensor is skipped" >&2
  fi
fi

# Judges of task definitions and templates, newer than Debian's.
judges=$(cd "$(dirname "$0")/.." && pwd)/target/judges
if ! python3 -c 'import botocore, cfnlint, moto, flask_cors' >/dev/null 2>&1 && ! "$judges/bin/python3" -c 'import cfnlint, moto, flask_cors' 2>/dev/null; then
  python3 -m venv "$judges"
  "$judges/bin/python3" -m pip install --quiet 'botocore>=1.36' cfn-lint 'moto[all,server]>=5.2' ||
    echo "setup: pip cannot install botocore, cfn-lint and moto: what needs them is skipped" >&2
fi

# Judges of bills of materials.
if ! "$judges/bin/python3" -c 'import cyclonedx, spdx_tools, packageurl' 2>/dev/null; then
  [ -x "$judges/bin/python3" ] || python3 -m venv "$judges"
  "$judges/bin/python3" -m pip install --quiet 'cyclonedx-python-lib[json-validation]>=11' 'spdx-tools>=0.8' 'packageurl-python>=0.17' 'botocore>=1.36' ||
    echo "setup: pip cannot install cyclonedx-python-lib and spdx-tools: what needs them is skipped" >&2
fi
