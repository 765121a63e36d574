#!/usr/bin/env bash
# `--attributes=rack:007` is the number 7, and no text predicate of an offer constraint ever holds an offer of that agent back.
#
# Seen with Mesos 1.11.0. The agent reads everything that looks like a number as a scalar: `007`, `1.50`, `1e3`; what was written
# is nowhere to be found afterwards. TextEquals, TextNotEquals, TextMatches and TextNotMatches are true for each scalar (and
# ranges) attribute, whatever they name, even the two opposites at once. One would expect TextEquals "x" to be false for a
# number, as it is false for an agent without the attribute. A scheduler must still check each offer itself.
. "$(dirname "$0")/lib/common.sh"
on_mesos <<'PYTHON'
from mesos import Framework, Mesos, expect, verdict


def constraints(name, **predicate):
    selector = {"attribute_name": name}
    constraint = {"selector": selector, "predicate": predicate}
    return {"role_constraints": {"*": {"groups": [{"attribute_constraints": [constraint]}]}}}


def offered(mesos, name, **predicate):
    """Whether there is an offer within some seconds; the allocator runs ten times a second."""
    framework = Framework(mesos, constraints(name, **predicate))
    offer = framework.offer(15 if name == "rack" and "exists" not in str(predicate).lower().replace("not_exists", "") else 3)
    framework.call("TEARDOWN")
    return offer is not None


attributes = "rack:007;price:1.50;many:1e3;zone:[3-5,1-2];name:x y"
with Mesos(attributes=attributes) as mesos:
    framework = Framework(mesos)
    shown = {a["name"]: a for a in framework.offer()["attributes"]}
    framework.call("TEARDOWN")
    expect("rack:007", ("SCALAR", 7.0), (shown["rack"]["type"], shown["rack"]["scalar"]["value"]))
    expect("price:1.50", ("SCALAR", 1.5), (shown["price"]["type"], shown["price"]["scalar"]["value"]))
    expect("many:1e3", ("SCALAR", 1000.0), (shown["many"]["type"], shown["many"]["scalar"]["value"]))
    expect("zone:[3-5,1-2]", [{"begin": 1, "end": 5}], shown["zone"]["ranges"]["range"])
    expect("name:x y (the blank is gone)", "xy", shown["name"]["text"]["value"])
    for name in ["rack", "zone"]:
        expect("offered where %s TextEquals 'no such'" % name, True, offered(mesos, name, type="TEXT_EQUALS", text_equals={"value": "no such"}))
        expect("offered where %s TextMatches 'no such'" % name, True, offered(mesos, name, type="TEXT_MATCHES", text_matches={"regex": "no such"}))
        expect("offered where %s TextNotEquals '7'" % name, True, offered(mesos, name, type="TEXT_NOT_EQUALS", text_not_equals={"value": "7"}))
        expect("offered where %s TextNotMatches '.*'" % name, True, offered(mesos, name, type="TEXT_NOT_MATCHES", text_not_matches={"regex": ".*"}))
    expect("offered where name TextEquals 'no such'", False, offered(mesos, "name", type="TEXT_EQUALS", text_equals={"value": "no such"}))
    expect("offered where rack NotExists", False, offered(mesos, "rack", type="NOT_EXISTS", not_exists={}))
    expect("offered where rack is missing and TextEquals 'x'", False, offered(mesos, "missing", type="TEXT_EQUALS", text_equals={"value": "x"}))
verdict()
PYTHON
