"""Files of the harnesses' repositories, loaded one by one, and of some only the functions that are named."""

import ast
import contextlib
import importlib.util
import io
import re
import string
import sys
import types
from collections import defaultdict

import numpy as np
import pandas as pd
import yaml
from loguru import logger

logger.remove()


def parts(path, names, **namespace):
    """The functions, classes and constants of a file that are named, with `namespace` as their globals."""
    tree = ast.parse(path.read_text())
    wanted = [node for node in tree.body if named(node) & set(names)]
    module = types.SimpleNamespace()
    scope = {"re": re, "np": np, "pd": pd, "string": string, "defaultdict": defaultdict, **namespace}
    exec(compile(ast.Module(wanted, []), str(path), "exec"), scope)
    module.__dict__.update(scope)
    return module


def named(node):
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {getattr(node, "name", None)}


def package(name, folder):
    """Makes a package importable without running its __init__."""
    module = types.ModuleType(name)
    module.__path__ = [str(folder)]
    sys.modules[name] = module


def module(name, **attributes):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(attributes)


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def quietly(function, *arguments, **named_arguments):
    with contextlib.redirect_stdout(io.StringIO()):
        return function(*arguments, **named_arguments)


class Letters:
    """In place of `random`: gives the letter that this package drew, and remembers that the harness draws."""

    def __init__(self):
        self.letter, self.drawn = None, False

    def choice(self, _letters):
        self.drawn = True
        return self.letter

    def seed(self, _seed):
        pass


def default_kwargs(path):
    """What a task of lmms-eval gives its prompt function for most models."""
    lines = [line for line in path.read_text().splitlines() if "!function" not in line]
    return yaml.safe_load("\n".join(lines))["lmms_eval_specific_kwargs"]["default"]


def judged(scores, parsed=None, drawn=None):
    return {"scores": scores, "parsed": parsed, "drawn": drawn}


def options_of(question):
    return {option["letter"]: option["text"] for option in question["options"]}
