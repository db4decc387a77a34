"""Fields by dotted path: leaves, arrays and maps; keys and money remembered as one."""

from __future__ import annotations

from townsend.model.shape import Array, Leaf, shape_of

BLOCKS = {"address": {"city": "string", "geo": "point"}, "point": {"latitude": "number"}}


def test_leaves_have_their_dotted_path() -> None:
    shape = shape_of({"name.first": "string", "score": "number"}, {}, "x")

    assert {"name.first": Leaf("name.first", "string"), "score": Leaf("score", "number")} == shape.leaves
    assert {"name"} == shape.objects


def test_a_key_and_money_are_leaves_that_belong_together() -> None:
    shape = shape_of({"accountKey": "key", "a.amount": "money"}, {}, "x")

    assert [
        "accountKey.sourceID", "accountKey.sourceInstanceID", "accountKey.sourceType", "accountKey.sourceKey",
        "a.amount.amount", "a.amount.currencyCode", "a.amount.conversionDate",
    ] == list(shape.leaves)  # fmt: skip
    assert ({"accountKey"}, {"a.amount"}) == (shape.keys, shape.money)


def test_a_block_stands_for_its_fields_and_may_hold_another() -> None:
    shape = shape_of({"home": "address"}, BLOCKS, "x")

    assert {"home.city": "string", "home.geo.latitude": "number"} == {
        path: leaf.type for path, leaf in shape.leaves.items()
    }


def test_an_array_is_of_scalars_of_objects_or_of_keys() -> None:
    shape = shape_of(
        {"tags": ["string"], "homes": {"items": "address", "by": "city"}, "keys": {"items": "key"}},
        BLOCKS,
        "x",
    )
    homes, keys = shape.arrays["homes"], shape.arrays["keys"]

    assert Array("tags", "string", None, None) == shape.arrays["tags"]
    assert homes.shape is not None
    assert keys.shape is not None
    assert ("city", ["city", "geo.latitude"]) == (homes.by, list(homes.shape.leaves))
    assert "sourceKey" in keys.shape.leaves


def test_a_map_is_one_field() -> None:
    shape = shape_of({"a.map": {"map": "any"}}, {}, "x")

    assert {"a.map"} == shape.maps
    assert ["a.map"] == list(shape.names())
