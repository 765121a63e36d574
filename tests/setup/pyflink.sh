#!/usr/bin/env bash
# A Python environment with PyFlink that works from any place, for Python functions on workers. Not made unless it is named: it is
# large and takes minutes.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

workshop
say "pyflink: installing PyFlink $flink_1_version (about 0.5 GB, some minutes)"
environment=$work/environment

# install [PIP-OPTION...] PACKAGE...
install() {
  python3 -m pip install -q --disable-pip-version-check --root-user-action ignore --target "$environment/lib" "$@" >"$work/pip.log" 2>&1 ||
    { tail -5 "$work/pip.log" >&2; fail "installing $*" "see the lines above; PyFlink 1.20 needs Python 3.8 to 3.11 and pip a way to its index"; }
}

read -ra dependencies <<<"$pyflink_dependencies"
install "${dependencies[@]}"
# PyFlink itself wants all of Flink's jars, which workers have already.
install --no-deps "pemja==$pyflink_pemja_version" "apache-flink==$flink_1_version"

mkdir "$environment/bin"
cat >"$environment/bin/python" <<'PYTHON'
#!/bin/sh
# The Python of this machine with the packages beside this file, wherever that is.
PYTHONPATH=$(cd "$(dirname "$0")/../lib" && pwd)${PYTHONPATH:+:$PYTHONPATH}
export PYTHONPATH
exec python3 "$@"
PYTHON
chmod 755 "$environment/bin/python"
"$environment/bin/python" -c 'import pyflink.fn_execution.beam.beam_operations' >"$work/log" 2>&1 ||
  { tail -5 "$work/log" >&2; fail "PyFlink cannot be imported" "see the lines above; choose other versions in tests/setup/versions.sh"; }
put_in_place "$environment" pyflink
