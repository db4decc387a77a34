"""Files in a bucket: found by pattern, fetched whole, and told apart from credentials that are wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs

from townsend.cli.main import main
from townsend.problem import Invalid, Unavailable
from townsend.sources.files import FilesSource
from townsend.sources.found import FoundFile

pytestmark = pytest.mark.slow
KEYS = {"access_key": "reader", "secret_key": "hush-hush", "region": "us-east-1"}
ROWS = b"accountKey.sourceKey,accountName\n1@D.D,Acme\n"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from moto import server as moto

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer(port=0)
    server.start()
    yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str) -> Iterator[fs.S3FileSystem]:
    store = fs.S3FileSystem(
        **KEYS, endpoint_override=endpoint.removeprefix("http://"), scheme="http", allow_bucket_creation=True,
        allow_bucket_deletion=True,
    )  # fmt: skip
    store.create_dir("exports")
    yield store
    store.delete_dir("exports")


def put(store: fs.S3FileSystem, name: str, content: bytes = ROWS) -> None:
    with store.open_output_stream(f"exports/{name}", compression=None) as stream:
        stream.write(content)


def found(endpoint: str, path: str, **settings: Any) -> list[FoundFile]:
    body = {"type": "files", "class": "account", "path": path, "endpoint": endpoint, **KEYS, **settings}
    return FilesSource("lake", body, Path()).files()["account"]


def names(files: list[FoundFile]) -> list[str]:
    return [one.name.removeprefix("s3://exports/") for one in files]


def test_patterns_fit_as_they_do_in_folders(endpoint: str, bucket: fs.S3FileSystem) -> None:
    for name in ("a/part-10.csv", "a/part-9.csv", "a/b/c.csv", "a/.hidden.csv", "a/x.txt", "z.csv"):
        put(bucket, name)

    assert ["a/part-9.csv", "a/part-10.csv"] == names(found(endpoint, "s3://exports/a/*.csv"))
    assert ["a/b/c.csv", "a/part-9.csv", "a/part-10.csv", "z.csv"] == names(
        found(endpoint, "s3://exports/**/*.csv")
    )


def test_an_object_is_fetched_as_it_is(endpoint: str, bucket: fs.S3FileSystem) -> None:
    """Also one larger than a part, and one whose name says that it is packed."""
    content = bytes(range(256)) * 50_000
    put(bucket, "big.csv.gz", content)
    (big,) = found(endpoint, "s3://exports/*.gz")
    with big.fetch() as path:
        fetched = path.read_bytes()

    assert content == fetched
    assert not path.exists()


def test_an_object_that_changed_since_it_was_listed_is_left(endpoint: str, bucket: fs.S3FileSystem) -> None:
    put(bucket, "a.csv")
    (listed,) = found(endpoint, "s3://exports/a.csv")
    put(bucket, "a.csv", ROWS + b"2@D.D,More\n")
    with pytest.raises(Unavailable) as caught, listed.fetch():
        pass

    assert "files.changing" == caught.value.code


def test_files_wait_for_their_marker_in_a_bucket_too(endpoint: str, bucket: fs.S3FileSystem) -> None:
    put(bucket, "one/a.csv")
    put(bucket, "two/a.csv")
    put(bucket, "two/_SUCCESS", b"")

    assert ["two/a.csv"] == names(found(endpoint, "s3://exports/*/a.csv", done="_SUCCESS"))


def test_a_bucket_that_is_not_there_is_told(endpoint: str, bucket: fs.S3FileSystem) -> None:
    with pytest.raises(Invalid) as caught:
        found(endpoint, "s3://elsewhere/*.csv")

    assert "files.bucket" == caught.value.code


def test_a_host_that_is_not_there_is_told() -> None:
    with pytest.raises(Unavailable) as caught:
        found("http://127.0.0.1:1", "s3://exports/*.csv")

    assert "source.unreachable" == caught.value.code


def test_a_bucket_is_pulled_once(
    endpoint: str, bucket: fs.S3FileSystem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that was taken is not fetched again; messages name it by its address."""
    put(bucket, "in/a.csv", ROWS + b"short\n")
    (tmp_path / "townsend.yaml").write_text(
        "name: t\nsources:\n  lake: {type: files, class: account, path: 's3://exports/in/*.csv', "
        f"endpoint: '{endpoint}', access_key: reader, secret_key: hush-hush, region: us-east-1}}\n",
        "utf-8",
    )
    codes = [main(["sync", "-p", str(tmp_path)]), main(["sync", "-p", str(tmp_path)])]
    main(["quarantine", "ls", "-p", str(tmp_path)])
    said = capsys.readouterr()

    assert [3, 0] == codes
    assert "s3://exports/in/a.csv:3" in said.out
    assert "1 file was already taken" in said.err
    assert "hush-hush" not in said.out + said.err
