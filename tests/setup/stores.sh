#!/usr/bin/env bash
# Object stores of one's own, for tests of the sources: moto speaks like S3, gcp-storage-emulator like Google's storage.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

workshop
install_from_pypi stores \
  "moto[s3]==$moto_version" "flask==$moto_flask_version" "flask-cors==$moto_flask_cors_version" "gcp-storage-emulator==$gcs_version"
"$cache/stores/bin/python" -c 'import moto.server, gcp_storage_emulator.server' ||
  fail "moto or gcp-storage-emulator cannot be imported" "see the lines above; another Python version may help"
