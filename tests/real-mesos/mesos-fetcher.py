"""Stands in for mesos-fetcher, which the official library does not hold.

Reads MESOS_FETCHER_INFO (JSON) and puts each URI into the sandbox (local paths, file:// and http(s)://), through the
agent's cache where the agent asks for it. Exit status 0 only if all of them worked; the reason is in the sandbox's stderr.
"""

import json
import os
import shutil
import sys

ARCHIVES = {
    ".tar": "tar", ".tar.gz": "gztar", ".tgz": "gztar", ".tar.bz2": "bztar", ".tbz2": "bztar",
    ".tar.xz": "xztar", ".txz": "xztar", ".zip": "zip",
}


def local_path(value, home):
    """The path that a URI without a host stands for, or None."""
    if value.startswith("file://"):
        return value[len("file://"):]
    if "://" in value:
        return None
    return os.path.join(home or "", value)


def download(value, target, home):
    value = value.lstrip()
    source = local_path(value, home)
    if source is not None:
        shutil.copyfile(source, target)
        return
    if not value.startswith(("http://", "https://")):
        raise ValueError("scheme not supported: " + value)
    import urllib.request  # slow to load, and most launches need none of it

    with urllib.request.urlopen(value, timeout=60) as answer, open(target, "wb") as file:
        shutil.copyfileobj(answer, file, 1 << 20)
        expected = answer.headers.get("Content-Length")
        if expected is not None and file.tell() != int(expected):
            raise IOError("body ended after %d of %s bytes" % (file.tell(), expected))


def extract(path, folder):
    """Unpacks what Mesos would unpack; says whether there was anything to unpack."""
    for suffix, kind in ARCHIVES.items():
        if path.endswith(suffix):
            shutil.unpack_archive(path, folder, kind)
            return True
    if path.endswith(".gz"):
        import gzip

        with gzip.open(path) as packed, open(os.path.join(folder, os.path.basename(path)[:-3]), "wb") as plain:
            shutil.copyfileobj(packed, plain)
        return True
    return False


def fetch(item, info):
    uri, sandbox, action = item["uri"], info["sandbox_directory"], item.get("action", "BYPASS_CACHE")
    target = os.path.join(sandbox, uri.get("output_file") or os.path.basename(uri["value"].rstrip("/")))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if action == "BYPASS_CACHE":
        source = target
        download(uri["value"], target, info.get("frameworks_home"))
    else:
        source = os.path.join(info["cache_directory"], item["cache_filename"])
        if action == "DOWNLOAD_AND_CACHE" and not os.path.exists(source):
            os.makedirs(info["cache_directory"], exist_ok=True)
            download(uri["value"], source, info.get("frameworks_home"))
    if not uri.get("executable") and uri.get("extract", True) and extract(source, sandbox):
        return
    if source != target:
        shutil.copyfile(source, target)
    if uri.get("executable"):
        os.chmod(target, 0o755)


def main():
    info = json.loads(os.environ["MESOS_FETCHER_INFO"])
    for item in info.get("items", []):
        value = item["uri"]["value"]
        try:
            fetch(item, info)
        except Exception as error:
            sys.exit("Failed to fetch '%s': %s" % (value, error))
        print("Fetched '%s'" % value, file=sys.stderr)


main()
