#!/usr/bin/env bash
# Object stores of one's own, for tests of the sources: moto speaks like S3, gcp-storage-emulator like Google's storage.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

workshop
say "stores: installing moto $moto_version and gcp-storage-emulator $gcs_version"
# As in python.sh: made in its place, stamped when complete, pip outside.
rm -rf "$cache/stores"
python3 -m venv --without-pip "$cache/stores" >"$work/log" 2>&1 &&
  python3 -m pip --python "$cache/stores/bin/python" install -q --disable-pip-version-check \
    "moto[s3]==$moto_version" "flask==$moto_flask_version" "flask-cors==$moto_flask_cors_version" "gcp-storage-emulator==$gcs_version" >>"$work/log" 2>&1 ||
  { tail -5 "$work/log" >&2; fail "installing moto $moto_version and gcp-storage-emulator $gcs_version" "see the lines above; pip must be 22.3 or newer and reach its index"; }
"$cache/stores/bin/python" -c 'import moto.server, gcp_storage_emulator.server' ||
  fail "moto or gcp-storage-emulator cannot be imported" "see the lines above; another Python version may help"
