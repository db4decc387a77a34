"""Calls of the asset API: folders, and static lists as assets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from townsend.rehearsal.marketo.assets import WORKSPACE, Folder, StaticList
from townsend.rehearsal.marketo.envelope import asset, fail, whole
from townsend.rehearsal.times import parse, text
from townsend.rehearsal.web import FORM, Answer, Request, Route

if TYPE_CHECKING:
    from townsend.rehearsal.marketo.instance import Marketo

__all__ = ["ROUTES", "asset_page", "instant"]

PAGE, PAGE_MAX = 20, 200
NAME_MAX = 255
T = TypeVar("T")
# A folder as some clients write it, which is no JSON.
_LOOSE = re.compile(r"\{'id': (\d+), 'type': '?(\w+)'?\}")


def instant(ms: int) -> str:
    """How assets write an instant: with both ``Z`` and an offset."""
    return f"{text(ms)}+0000"


def asset_page(request: Request, rows: Sequence[T]) -> Sequence[T]:
    """A page by ``offset`` and ``maxReturn``."""
    start = whole(request.arg("offset", "0"), "offset")
    return rows[start : start + whole(request.arg("maxReturn", str(PAGE)), "maxReturn", 1, PAGE_MAX)]


def _folder_told(home: Marketo, one: Folder) -> dict[str, Any]:
    parent = home.world.assets.folders.get(one.parent or 0)
    path = one.name
    above = parent
    while above is not None:
        path = f"{above.name}/{path}"
        above = home.world.assets.folders.get(above.parent or 0)
    return {
        "name": one.name,
        "description": one.description,
        "createdAt": instant(one.created_ms),
        "updatedAt": instant(one.created_ms),
        "url": f"https://app-lon01.marketo.com/#MF{one.id}A1",
        "folderId": {"id": one.id, "type": "Folder"},
        "folderType": "Marketing Folder",
        "parent": {"id": parent.id, "type": "Folder"} if parent else None,
        "path": f"/{path}",
        "isArchive": False,
        "isSystem": parent is None,
        "accessZoneId": 1,
        "workspace": WORKSPACE,
        "id": one.id,
    }


def _folders(home: Marketo, request: Request) -> Answer:
    found = [_folder_told(home, one) for _, one in sorted(home.world.assets.folders.items())]
    return asset(home.request_id(request), asset_page(request, found))


def _folder(home: Marketo, request: Request, folder_id: str) -> Answer:
    one = home.world.assets.folders.get(whole(folder_id, "id"))
    return asset(home.request_id(request), [_folder_told(home, one)] if one else [])


def _folder_by_name(home: Marketo, request: Request) -> Answer:
    if request.arg("type", "Folder") != "Folder":
        return asset(home.request_id(request), [])
    one = home.world.assets.folder_named(_name(request.arg("name")))
    return asset(home.request_id(request), [_folder_told(home, one)] if one else [])


def _make_folder(home: Marketo, request: Request) -> Answer:
    # Some clients write a new folder into the address.
    given = request.field if request.content_type == FORM else request.arg
    name = _name(given("name"))
    parent, kind = _home_of(home, given("parent"))
    if kind != "Folder":
        fail(711, "Parent is no folder")
    if home.world.assets.folder_named(name):
        fail(709, f"Folder with name '{name}' already exists")
    facts = {"description": given("description"), "at_ms": request.now_ms}
    made = home.do("make_folder", name=name, parent=parent, **facts)
    return asset(home.request_id(request), [_folder_told(home, home.world.assets.folders[made])])


def _home_of(home: Marketo, written: str) -> tuple[int, str]:
    """A folder as ``{"id": 15, "type": "Folder"}`` or as its number; its id and type."""
    if not written:
        fail(1002, "Missing value for 'folder'")
    loose = _LOOSE.fullmatch(written.strip())
    try:
        value = {"id": int(loose[1]), "type": loose[2]} if loose else msgspec.json.decode(written)
    except msgspec.DecodeError:
        fail(1001, f"Invalid value '{written}' for 'folder'. Required of type 'JSON'")
    number, kind = (
        (value.get("id"), value.get("type", "Folder")) if isinstance(value, dict) else (value, "Folder")
    )
    if kind not in {"Folder", "Program"}:
        fail(711, f"Folder type '{kind}' not supported")
    known: Any = home.world.assets.programs if kind == "Program" else home.world.assets.folders
    if not isinstance(number, int) or number not in known:
        fail(710, f"Parent folder '{number}' not found")
    return number, kind


def _name(written: str) -> str:
    name = written.strip()
    if not name:
        fail(701, "name cannot be blank")
    if len(name) > NAME_MAX:
        fail(709, f"name is longer than {NAME_MAX} characters")
    return name


def _is_form(request: Request) -> None:
    if request.content_type != FORM:
        fail(612, f"Invalid Content Type '{request.content_type}'; expected {FORM}")


def _list_told(one: StaticList) -> dict[str, Any]:
    found: dict[str, Any] = {"id": one.id, "name": one.name}
    if one.description:
        found["description"] = one.description
    return found | {
        "createdAt": instant(one.created_ms),
        "updatedAt": instant(one.updated_ms),
        "url": f"https://app-lon01.marketo.com/#ST{one.id}A1",
        "folder": {"id": one.folder[0], "type": one.folder[1]},
        "computedUrl": f"https://app-lon01.marketo.com/#ST{one.id}A1",
    }


def _lists(home: Marketo, request: Request) -> Answer:
    since = _bound(request, "earliestUpdatedAt", 0)
    until = _bound(request, "latestUpdatedAt", 2**62)
    folder = request.arg("folder")
    inside = _home_of(home, folder) if folder else None
    found = [
        _list_told(one)
        for _, one in sorted(home.world.assets.lists.items())
        if since <= one.updated_ms <= until and inside in {None, one.folder}
    ]
    return asset(home.request_id(request), asset_page(request, found))


def _bound(request: Request, name: str, default: int) -> int:
    written = request.arg(name)
    try:
        return parse(written) if written else default
    except ValueError:
        fail(1001, f"Invalid value '{written}' for '{name}'. Required of type 'datetime'")


def _list(home: Marketo, request: Request, list_id: str) -> Answer:
    one = home.world.assets.lists.get(whole(list_id, "id"))
    return asset(home.request_id(request), [_list_told(one)] if one else [])


def _list_by_name(home: Marketo, request: Request) -> Answer:
    one = home.world.assets.list_named(_name(request.arg("name")))
    return asset(home.request_id(request), [_list_told(one)] if one else [])


def _make_list(home: Marketo, request: Request) -> Answer:
    _is_form(request)
    name = _name(request.field("name"))
    folder = _home_of(home, request.field("folder"))
    if home.world.assets.list_named(name):
        fail(709, f"Static list with name '{name}' already exists")
    facts = {"description": request.field("description"), "at_ms": request.now_ms}
    made = home.do("make_list", name=name, folder=folder, **facts)
    return asset(home.request_id(request), [_list_told(home.world.assets.lists[made])])


def _change_list(home: Marketo, request: Request, list_id: str) -> Answer:
    _is_form(request)
    one = _existing(home, list_id)
    name = _name(request.field("name")) if "name" in request.form else None
    other = home.world.assets.list_named(name) if name else None
    if other is not None and other.id != one.id:
        fail(709, f"Static list with name '{name}' already exists")
    description = request.field("description") if "description" in request.form else None
    home.do("rename_list", list_id=one.id, name=name, description=description, at_ms=request.now_ms)
    return asset(home.request_id(request), [_list_told(one)])


def _drop_list(home: Marketo, request: Request, list_id: str) -> Answer:
    one = _existing(home, list_id)
    home.do("drop_list", list_id=one.id)
    return asset(home.request_id(request), [{"id": one.id}])


def _existing(home: Marketo, list_id: str) -> StaticList:
    one = home.world.assets.lists.get(whole(list_id, "id"))
    if one is None:
        fail(702, f"Static list with id '{list_id}' not found")
    return one


HOME = "/rest/asset/v1"
ROUTES = [
    Route("GET", f"{HOME}/folders.json", _folders),
    Route("POST", f"{HOME}/folders.json", _make_folder),
    Route("GET", f"{HOME}/folder/byName.json", _folder_by_name),
    Route("GET", f"{HOME}/folder/{{folder_id}}.json", _folder),
    Route("GET", f"{HOME}/staticLists.json", _lists),
    Route("POST", f"{HOME}/staticLists.json", _make_list),
    Route("GET", f"{HOME}/staticList/byName.json", _list_by_name),
    Route("GET", f"{HOME}/staticList/{{list_id}}.json", _list),
    Route("POST", f"{HOME}/staticList/{{list_id}}.json", _change_list),
    Route("POST", f"{HOME}/staticList/{{list_id}}/delete.json", _drop_list),
]
