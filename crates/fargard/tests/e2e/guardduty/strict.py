"""Holds every answer of GuardDuty's API against AWS's own service model, and remembers which operations were seen."""

import json

import boto3

seen = {}
# The model says they are there; the service leaves them out when there is no administrator.
OPTIONAL = {("GetAdministratorAccount", "administrator"), ("GetMasterAccount", "master")}


def fits(operation, shape, value, path):
    def must(holds, why):
        assert holds, f"{operation} {path}: {why}: {json.dumps(value)[:200]}"

    kind = shape.type_name
    if kind == "structure":
        must(isinstance(value, dict), "no object")
        names = {}
        for name, member in shape.members.items():
            if member.serialization.get("location"):
                continue
            names[member.serialization.get("name", name)] = (name, member)
        for wire in value:
            must(wire in names, f"unknown member {wire}")
        for wire, (name, member) in names.items():
            if wire in value:
                fits(operation, member, value[wire], f"{path}.{wire}")
            elif (operation, wire) not in OPTIONAL:
                must(name not in shape.required_members, f"{wire} is missing")
    elif kind == "list":
        must(isinstance(value, list), "no list")
        for number, one in enumerate(value):
            fits(operation, shape.member, one, f"{path}[{number}]")
    elif kind == "map":
        must(isinstance(value, dict), "no map")
        for name, one in value.items():
            fits(operation, shape.value, one, f"{path}.{name}")
    elif kind == "timestamp":
        must(isinstance(value, (int, float)) and 1_500_000_000 < value < 4_000_000_000, "no epoch seconds")
    elif kind == "string":
        must(isinstance(value, str), "no text")
        must(not shape.enum or value in shape.enum, "not one of the model's")
    elif kind == "boolean":
        must(isinstance(value, bool), "no boolean")
    elif kind == "integer":
        must(isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 31, "no 32-bit integer")
    elif kind == "long":
        must(isinstance(value, int) and not isinstance(value, bool), "no integer")
    elif kind == "double":
        must(isinstance(value, (int, float)), "no number")
    else:
        raise AssertionError(f"{path}: {kind}")


def check(operation_model, response_dict, **_):
    name = operation_model.name
    assert response_dict["headers"].get("x-amzn-requestid"), name
    if response_dict["status_code"] >= 300:
        body = json.loads(response_dict["body"])
        assert response_dict["headers"]["x-amzn-errortype"] and body["__type"] and body["message"], (name, body)
        return
    seen[name] = seen.get(name, 0) + 1
    if operation_model.output_shape is not None and response_dict["body"]:
        fits(name, operation_model.output_shape, json.loads(response_dict["body"]), "")


def client(**keys):
    made = boto3.client("guardduty", **keys)
    made.meta.events.register("before-parse.guardduty", check)
    return made
