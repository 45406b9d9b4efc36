"""Registries: built-in entries, and those of packages that are really installed."""

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from plugin_files import look_again, write_distribution

from rnnbench.registry import PluginError, Registry


@dataclass(frozen=True)
class Fruit:
    name: str


APPLE = """
    from test_registry import Fruit

    pear = Fruit("pear")
    no_fruit = 3
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package with entry points for fruits."""
    monkeypatch.setitem(sys.modules, "test_registry", sys.modules[__name__])

    def install(**entries: str) -> Registry[Fruit]:
        modules = {
            "orchard": APPLE,
            "fails": "raise ValueError('frost')",
            "leaves": "exit(3)",
        }
        write_distribution(
            tmp_path, entries, modules, group="rnnbench.fruits", name="a-garden"
        )
        monkeypatch.syspath_prepend(tmp_path)
        return Registry("fruit", Fruit, [Fruit("apple")])

    yield install
    for module in ("orchard", "fails", "leaves"):
        sys.modules.pop(module, None)


def test_built_in_entries_come_first(install):
    fruits = install(pear="orchard:pear")

    assert list(fruits) == ["apple", "pear"]
    assert len(fruits) == 2
    assert "pear" in fruits
    with pytest.raises(KeyError):
        fruits["plum"]


def test_a_plug_in_is_loaded_when_it_is_asked_for(install):
    fruits = install(pear="orchard:pear")

    assert "orchard" not in sys.modules
    assert fruits["pear"] == Fruit("pear")


def test_a_plug_in_does_not_replace_a_built_in_entry(install):
    fruits = install(apple="orchard:pear")

    assert list(fruits) == ["apple"]
    assert fruits["apple"] == Fruit("apple")


@pytest.mark.parametrize("name", ["apple", "pear", "plum"])
def test_an_entry_is_overridden_in_a_block(install, name):
    fruits = install(pear="orchard:pear")
    names = list(fruits)

    with fruits.override(name, Fruit("quince")):
        assert fruits[name] == Fruit("quince")
        assert set(fruits) == {*names, name}

    assert list(fruits) == names
    assert fruits.usable() == [Fruit("apple"), Fruit("pear")]


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"broken": "fails:x"}, "from fails:x: ValueError: frost (fails.py, line 1)"),
        ({"broken": "leaves:x"}, "cannot be loaded from leaves:x: SystemExit: 3"),
        (
            {"broken": "nowhere:x"},
            "cannot be loaded from nowhere:x: ModuleNotFoundError",
        ),
        ({"broken": "orchard:no_fruit"}, "orchard:no_fruit is not an instance of"),
        ({"broken": "orchard:pear"}, "orchard:pear has the name 'pear', not 'broken'"),
    ],
)
def test_a_plug_in_that_fails_is_named_with_its_package(install, entries, reason):
    fruits = install(**entries)
    with pytest.raises(
        PluginError, match="fruit 'broken' of the package a-garden"
    ) as error:
        fruits["broken"]
    assert reason in str(error.value)
    assert fruits["apple"] == Fruit("apple")


def test_a_plug_in_that_fails_is_left_out_where_all_are_asked_for(install, caplog):
    fruits = install(broken="fails:x", pear="orchard:pear")
    with caplog.at_level(logging.WARNING):
        assert fruits.usable() == [Fruit("apple"), Fruit("pear")]
    assert "frost (fails.py, line 1); it is left out" in caplog.text


def test_the_package_of_a_plug_in_is_known(install):
    fruits = install(pear="orchard:pear")

    assert fruits.plugins["pear"].value == "orchard:pear"
    assert "apple" not in fruits.plugins
    assert fruits.label("pear") == "fruit 'pear' of the package a-garden"
    assert fruits.label("apple") == "fruit 'apple'"


def test_a_package_that_comes_later_is_found_when_asked_to_look_again(install):
    fruits = install(pear="orchard:pear")
    assert list(fruits) == ["apple", "pear"]
    write_distribution(
        Path(sys.path[0]), {"fig": "x:y"}, {}, group="rnnbench.fruits", name="b"
    )

    assert list(fruits) == ["apple", "pear"]
    look_again(fruits)
    assert set(fruits) == {"apple", "pear", "fig"}


def test_entries_may_be_classes(install):
    fruits = Registry("fruit", Fruit, [Fruit], key="__name__", holds_classes=True)
    assert fruits["Fruit"] is Fruit
    install(pear="orchard:pear")
    with pytest.raises(PluginError, match=r"orchard:pear is not a subclass of .*Fruit"):
        fruits["pear"]


def test_an_error_in_the_code_of_a_plug_in_names_its_package(install):
    fruits = install(pear="orchard:pear")
    reason = "'pear' of the package a-garden failed: ValueError: rot"
    with pytest.raises(PluginError, match=reason), fruits.blamed("pear"):
        raise ValueError("rot")


def test_an_error_in_our_code_stays(install):
    fruits = install()
    with pytest.raises(ValueError, match=r"^rot$"), fruits.blamed("apple"):
        raise ValueError("rot")
