from types import SimpleNamespace

import pytest

from devtools import console, debian_packages, python_environment


def test_the_systems_python_is_taken_whatever_runs_this(monkeypatch, tmp_path):
    interpreter = tmp_path / 'python3.11'
    interpreter.touch()
    monkeypatch.setattr(python_environment, 'SYSTEM_PYTHON', interpreter)
    monkeypatch.setattr(
        python_environment, 'sys', SimpleNamespace(version_info=(3, 13, 0), version="3.13.0 (main)")
    )
    assert python_environment.find_interpreter() == interpreter


def test_without_it_the_one_that_runs_this_is_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(python_environment, 'SYSTEM_PYTHON', tmp_path / 'missing')
    interpreter = python_environment.find_interpreter()
    assert interpreter.name == 'python3.11'
    assert interpreter.exists()


def test_another_python_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(python_environment, 'SYSTEM_PYTHON', tmp_path / 'missing')
    monkeypatch.setattr(
        python_environment, 'sys', SimpleNamespace(version_info=(3, 13, 0), version="3.13.0 (main)")
    )
    with pytest.raises(console.Failure, match=r"this is 3\.13\.0"):
        python_environment.find_interpreter()


def test_venv_is_looked_for_in_the_python_that_environments_are_made_with(monkeypatch, tmp_path):
    # Debian's Python comes without it, also where another one, which has it, is first.
    interpreter = tmp_path / 'python3.11'
    interpreter.write_text("#!/bin/sh\nexit 1\n")
    interpreter.chmod(0o755)
    monkeypatch.setattr(python_environment, 'SYSTEM_PYTHON', interpreter)
    installed = []
    monkeypatch.setattr(debian_packages, '_as_root', lambda *_arguments: ['true'])
    monkeypatch.setattr(console, 'run', lambda command, *_texts: installed.append(command))
    debian_packages.install_missing(['python3-venv'])
    assert installed[-1][-1] == 'python3-venv'
