"""Answers a task: the task as JSON on standard input, the answer on standard output."""

import json
import sys

task = json.load(sys.stdin)
event = task["input"]["Payload"]
if event["item"] == "":
    print(json.dumps({"error": "NothingToPack", "cause": "the item has no name"}))
else:
    print(json.dumps({"output": {"StatusCode": 200, "Payload": {"parcel": event["label"], "of": event["item"]}}}))
