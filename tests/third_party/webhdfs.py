"""Serves one file as namenode and datanode do according to Hadoop 3's documentation of WebHDFS.

No HDFS can be installed from the registries that the tests use. webhdfs.py PORT PATH CONTENT-FILE USER
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

port, path, file, user = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]


class Namenode(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        place = url.path.removeprefix("/webhdfs/v1")
        if query.get("user.name") != user:
            return self.refuse(403, "AccessControlException", f"Permission denied: user={query.get('user.name')}")
        if place not in ("/", path):
            return self.refuse(404, "FileNotFoundException", f"File does not exist: {place}")
        size = os.path.getsize(file)
        if query["op"] == "GETFILESTATUS":
            return self.status(place, size)
        if query["op"] == "OPEN" and "datanode" not in query:
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{port}{self.path}&datanode=1")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        offset = int(query.get("offset", 0))
        length = int(query.get("length", size - offset))
        with open(file, "rb") as content:
            content.seek(offset)
            self.send(200, content.read(length), "application/octet-stream")

    def status(self, place, size):
        kind = "DIRECTORY" if place == "/" else "FILE"
        status = {
            "accessTime": 1320171722771, "blockSize": 134217728, "childrenNum": 0, "fileId": 16388, "group": "supergroup",
            "length": 0 if place == "/" else size, "modificationTime": 1320171722771, "owner": user, "pathSuffix": "",
            "permission": "644", "replication": 1, "storagePolicy": 0, "type": kind,
        }
        self.send(200, json.dumps({"FileStatus": status}).encode(), "application/json")

    def refuse(self, status, exception, message):
        remote = {"exception": exception, "javaClassName": f"org.apache.hadoop.{exception}", "message": message}
        self.send(status, json.dumps({"RemoteException": remote}).encode(), "application/json")

    def send(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", port), Namenode).serve_forever()
