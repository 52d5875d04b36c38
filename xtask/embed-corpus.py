#!/usr/bin/env python3
"""Runs `fargard embed` over a directory of task definitions and templates and judges what comes out by others' eyes.

    xtask/embed-corpus.py PROGRAM DIRECTORY [--no-cfn-lint]

For every file, once with all images known (wrap) and once with none (attach): no panic; every container embedded or
skipped with a code; embedding again changes nothing; --undo gives the file's bytes back; botocore's parameter
validation (task definitions) and cfn-lint (templates) find no error that they do not find in the file itself.
Needs the Python packages botocore and cfn-lint.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

PROGRAM, DIRECTORY = sys.argv[1], pathlib.Path(sys.argv[2])
BESIDE = pathlib.Path(sys.executable).with_name("cfn-lint")
CFN_LINT = str(BESIDE) if BESIDE.exists() else "cfn-lint"
LINT = "--no-cfn-lint" not in sys.argv
SENSOR = ["--sensor-image", "registry.example/fargard-sensor:1"]
SERVER = ["--server", "https://fargard.example:8440", "--token-secret",
          "arn:aws:secretsmanager:eu-west-1:123456789012:secret:fargard"]
# Reasons of what is no task definition, or none that can be looked into.
UNSEEN = {"for-each", "nested-stack", "transform", "module", "other-resource"}
READ_ONLY = ["taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt",
             "registeredBy", "deregisteredAt", "deleteRequestedAt"]


def embed(path, *options):
    done = subprocess.run([PROGRAM, "embed", str(path), *options], capture_output=True, timeout=60)
    if done.returncode not in (0, 1, 2):
        raise SystemExit(f"{path}: exit code {done.returncode}: {done.stderr.decode()}")
    return done


def botocore_errors(text):
    import botocore.session
    from botocore.validate import ParamValidator

    global SHAPE
    if "SHAPE" not in globals():
        model = botocore.session.get_session().get_service_model("ecs")
        SHAPE = model.operation_model("RegisterTaskDefinition").input_shape
        container = SHAPE.members["containerDefinitions"].member
        if "restartPolicy" not in container.members:
            raise SystemExit("botocore is too old to know restartPolicy; install 1.36 or newer")
    document = json.loads(text)
    document = document.get("taskDefinition", document)
    for name in READ_ONLY:
        document.pop(name, None)
    report = ParamValidator().validate(document, SHAPE).generate_report()
    return collections.Counter(line for line in report.splitlines() if line)


def lint_errors(path):
    done = subprocess.run([CFN_LINT, "--format", "json", "--regions", "us-east-1", "--", str(path)], capture_output=True)
    return collections.Counter(
        (found["Rule"]["Id"], re.sub(r"\d+", "N", found["Message"]))
        for found in json.loads(done.stdout or "[]")
        if found["Level"] == "Error")


def images(text):
    names = set(re.findall(r'"?[Ii]mage"?\s*:\s*["\']?([^\s"\'{!]+)', text))
    config = {"entrypoint": ["/entry"], "cmd": ["serve", "--now"]}
    return {name: config for name in names}


def is_readable(text):
    if not text.lstrip().startswith("{"):
        return True
    try:
        return bool(json.loads(text))
    except ValueError:
        return False


def main():
    wrong, refused, codes, outcomes, files = [], [], collections.Counter(), collections.Counter(), 0
    work = pathlib.Path(tempfile.mkdtemp())
    for path in sorted(DIRECTORY.iterdir()):
        if path.suffix not in (".json", ".yaml", ".yml"):
            continue
        files += 1
        text = path.read_text()
        is_template = "Resources" in text and "AWS::" in text
        before = lint_errors(path) if is_template and LINT else None
        table = work / "images.json"
        table.write_text(json.dumps(images(text)))
        for run in (["--image-config", str(table)], ["--image-config", str(table), "--assume-fargate", *SERVER],
                    ["--mode", "attach", "--assume-fargate"]):
            options = [*SENSOR, *run]
            result = work / path.name
            done = embed(path, *options)
            if done.returncode:
                refused.append(done.stderr.decode().strip())
                if is_readable(text):
                    wrong.append(refused[-1])
                break
            new = done.stdout
            result.write_bytes(new)
            if embed(result, *options).stdout != new:
                wrong.append(f"{path.name}: {run[0]}: not idempotent")
            if embed(result, "--undo").stdout != path.read_bytes():
                wrong.append(f"{path.name}: {run[0]}: undo differs")
            report = embed(path, *options, "--format", "json", "--output", str(work / "out"))
            for task in json.loads(report.stdout)[0]["tasks"]:
                unseen = task["skip"] and task["skip"]["code"] in UNSEEN
                if not task["containers"] and not unseen:
                    wrong.append(f"{path.name}: {task['name']}: no containers reported")
                for container in task["containers"]:
                    outcomes[container["result"]] += 1
                    if container["result"] == "skip":
                        codes[container["code"]] += 1
            if is_template and LINT:
                # A reference that is broken in a copied value is broken once more: only new kinds count.
                more = set(lint_errors(result)) - set(before)
            elif is_template:
                more = None
            else:
                more = botocore_errors(new) - botocore_errors(text)
            if more:
                wrong.append(f"{path.name}: {run}: new errors {more}")
    print(f"{files} files, containers by outcome {dict(outcomes)}, skipped by code {dict(codes)}")
    print("\n".join(["refused as neither JSON nor YAML: " + line for line in refused] + wrong))
    return 1 if wrong else 0


sys.exit(main())
