#!/usr/bin/python3
# Checks docker-compose.yml and the Dockerfile where there is no Docker: that they can be read, name each
# other rightly, pin their versions, and create every topic that the configuration uses.
import json
import os
import re
import sys

import yaml

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SERVICE_KEYS = {"image", "build", "command", "entrypoint", "environment", "depends_on", "healthcheck",
                "ports", "volumes", "restart", "stop_grace_period", "user", "init", "profiles"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
findings = []


def find(condition, what):
    if not condition:
        findings.append(what)


def pinned(image):
    return re.search(r":[0-9]+\.[0-9]+[^:]*$", image) is not None


def topics_of(tree):
    """All values of `topic` in a configuration."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == "topic" and isinstance(value, str):
                yield value
            else:
                yield from topics_of(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from topics_of(value)


def check_service(name, service, compose):
    services, volumes = compose["services"], compose.get("volumes") or {}
    for key in set(service) - SERVICE_KEYS:
        findings.append(f"{name}: unknown key {key}")
    find("image" in service or "build" in service, f"{name}: neither image nor build")
    if "build" not in service:
        image = service.get("image", "")
        built = any(image == other.get("image") for other in services.values() if "build" in other)
        find(built or pinned(image), f"{name}: image {image} is not pinned to a version")
    depends = service.get("depends_on", {})
    find(isinstance(depends, dict), f"{name}: depends_on names no conditions")
    for other, setting in (depends.items() if isinstance(depends, dict) else []):
        find(other in services, f"{name}: depends on {other}, which is not there")
        condition = setting.get("condition")
        find(condition in CONDITIONS, f"{name}: unknown condition {condition}")
        if condition == "service_healthy":
            find("test" in services.get(other, {}).get("healthcheck", {}),
                 f"{name}: waits for the health of {other}, which has no health check")
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        find(source.startswith((".", "/")) or source in volumes, f"{name}: volume {source} is not declared")
    command = service.get("command", [])
    for word in command if isinstance(command, list) else []:
        if word.startswith("configs/"):
            find(os.path.exists(os.path.join(TOP, word)), f"{name}: {word} is not there")


def check_topics(compose):
    path = os.path.join(TOP, "configs", "payments.json")
    if not os.path.exists(path):
        findings.append("configs/payments.json is not there")
        return
    with open(path) as file:
        wanted = set(topics_of(json.load(file)))
    script = str(compose["services"].get("topics", {}).get("command", ""))
    for topic in sorted(wanted):
        find(re.search(rf"(?<![\w.-]){re.escape(topic)}(?![\w.-])", script), f"topics: {topic} is not created")


def check_dockerfile():
    with open(os.path.join(TOP, "Dockerfile")) as file:
        text = file.read()
    for image in re.findall(r"^FROM (\S+)", text, re.M):
        find(pinned(image), f"Dockerfile: {image} is not pinned to a version")
    users = re.findall(r"^USER (\S+)", text, re.M)
    find(users and users[-1] not in ("root", "0"), "Dockerfile: weir would run as root")
    for source in re.findall(r"^COPY (?!--from)(\S+)", text, re.M):
        find(os.path.exists(os.path.join(TOP, source)), f"Dockerfile: {source} is not there")


def main():
    with open(os.path.join(TOP, "docker-compose.yml")) as file:
        compose = yaml.safe_load(file)
    for name in ("kafka", "topics", "weir", "simulator"):
        find(name in compose["services"], f"there is no service {name}")
    for name, service in compose["services"].items():
        check_service(name, service, compose)
    check_topics(compose)
    check_dockerfile()
    for finding in findings:
        print(f"docker-compose.yml: {finding}")
    return 1 if findings else 0


sys.exit(main())
