#!/usr/bin/env bash
# A complete Flink distribution out of two packages of the Python index: one has the jars, the other scripts and
# configuration. usage: flink.sh 1|2|oldest
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The scripts come in wheels, one for each Python version.
python=3.11 part=flink-$1
case $1 in
  1) version=$flink_1_version jars_sha256=$flink_1_jars_sha256 scripts_sha256=$flink_1_scripts_sha256 ;;
  2) version=$flink_2_version jars_sha256=$flink_2_jars_sha256 scripts_sha256=$flink_2_scripts_sha256 ;;
  oldest) version=$oldest_version jars_sha256=$oldest_jars_sha256 scripts_sha256=$oldest_scripts_sha256 python=3.10 part=oldest ;;
  *) fail "there is no Flink line '$1'" "name 1, 2 or oldest" ;;
esac
workshop
say "$part: downloading Flink $version (about 0.3 GB)"

# download NAME FOLDER [PIP-OPTION...]
download() {
  local name=$1 folder=$2; shift 2
  python3 -m pip download -q --no-deps --disable-pip-version-check "$name==$version" -d "$folder" "$@" >"$work/pip.log" 2>&1 ||
    { tail -5 "$work/pip.log" >&2; fail "downloading $name $version" "see the lines above; python3 needs pip and a way to its index"; }
}

# Flink 1's jars come as a source package, Flink 2's as a wheel; pip takes what there is.
download apache-flink-libraries "$work/jars"
# The wheel for one Python version, whichever runs here: only its scripts are taken.
download apache-flink "$work/scripts" --only-binary :all: --python-version "$python" --implementation cp --abi "cp${python/./}" \
  --platform manylinux2014_x86_64 --platform manylinux1_x86_64
verify "$jars_sha256" "$work"/jars/*
verify "$scripts_sha256" "$work"/scripts/*

home=$work/flink
mkdir -p "$home"
python3 - "$home" "$work"/jars/* "$work"/scripts/* <<'PYTHON'
"""Unpacks the folders of a distribution out of a source package or wheels."""
import os, re, shutil, sys, tarfile, zipfile

home, packages = sys.argv[1], sys.argv[2:]
wanted = re.compile(r"^(?:[^/]+/deps|pyflink)/((?:bin|conf|lib|opt|plugins)/.+)$")

def put(name, source):
    found = wanted.match(name)
    if not found or name.endswith(("/", ".py", ".pyc")):
        return
    path = os.path.join(home, found.group(1))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as target:
        shutil.copyfileobj(source, target)
    with open(path, "rb") as text:
        if text.read(2) == b"#!":
            os.chmod(path, 0o755)

for package in packages:
    if package.endswith(".whl"):
        with zipfile.ZipFile(package) as archive:
            for member in archive.infolist():
                with archive.open(member) as source:
                    put(member.filename, source)
    else:
        with tarfile.open(package, "r|gz") as archive:
            for member in archive:
                if member.isfile():
                    put(member.name, archive.extractfile(member))
PYTHON
[ -e "$home/lib/flink-dist-$version.jar" ] && [ -e "$home/conf/log4j-console.properties" ] && [ -x "$home/bin/flink" ] ||
  fail "the packages of Flink $version hold no distribution" "choose another release in tests/setup/versions.sh"
put_in_place "$home" "flink-$version"
