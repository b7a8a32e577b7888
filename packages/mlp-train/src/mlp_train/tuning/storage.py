"""A study lives in a file beside the run, or in PostgreSQL, where several machines work on it together."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
import urllib.parse
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlp_data.atomic import output_error
from mlp_runtime.errors import MlpError
from mlp_train.errors import OutputError, UsageError

JOURNAL = "study.journal"
DRIVER = "postgresql+psycopg"
SCHEMES = ("postgresql", "postgres", DRIVER)
EXAMPLE = "postgresql://user@host/database"
HEARTBEAT, GRACE = 5, 20  # seconds: how often a worker says that it lives, and after how long it is taken for dead
CONNECTING = 10  # seconds
TRIES = 3  # to make the tables, which another machine may be making at the same moment

OnDeath = Callable[[Any, Any], None]  # (study, trial) of a worker that died


@dataclass(frozen=True)
class Place:
    """Where a study is. url: of PostgreSQL, with the driver; path: of the journal file. One of them is None."""

    url: str | None = None
    path: Path | None = None

    @property
    def is_shared(self) -> bool:
        """Whether other machines may be working on it."""
        return self.url is not None

    def __str__(self) -> str:
        """Say where it is, without the password."""
        return str(self.path) if self.url is None else _without_secrets(self.url)

    __repr__ = __str__


def find_place(storage: str | None, folder: Path) -> Place:
    """Return where the study of a run is; UsageError for an address that is none of PostgreSQL."""
    if storage is None:
        return Place(path=folder / JOURNAL)
    scheme, colon, _ = storage.partition("://")
    if not colon or scheme not in SCHEMES:
        what = f"of kind {scheme!r}" if colon and scheme.isidentifier() else "of no kind that is known"
        raise UsageError(
            f"--storage is an address {what}, but a study lives in PostgreSQL: give {EXAMPLE}, or leave it out for a "
            "file in the run folder"
        )
    from sqlalchemy.engine import make_url

    try:
        url = make_url(storage).set(drivername=DRIVER)
        urllib.parse.urlsplit(storage).port  # noqa: B018  # says so where it is no number
    except Exception:  # what the parsers say may quote the password
        raise UsageError(f"--storage is not an address of PostgreSQL: it looks like {EXAMPLE}") from None
    return Place(url=url.render_as_string(hide_password=False))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from logging and from warning of its own plans; what goes wrong comes as an exception."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"optuna\b")
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


@contextlib.contextmanager
def open_storage(place: Place, on_death: OnDeath, *, is_made: bool = False) -> Iterator[Any]:
    """Open the storage of a study; UsageError in one sentence, without the password, where that cannot be done.

    is_made: somebody has opened it just now, so that its tables need not be looked at again.
    """
    with quiet():
        storage = _database(place, on_death, is_made) if place.path is None else _journal(place.path)
        try:
            yield storage
        finally:
            if place.is_shared:
                storage.remove_session()
                storage.engine.dispose()


def _database(place: Place, on_death: OnDeath, is_made: bool) -> Any:
    """Open the tables in PostgreSQL, or make them."""
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"a study in PostgreSQL needs the package psycopg ({error}): pip install 'mlp-train[tune]'"
        ) from None
    import optuna
    from sqlalchemy.exc import IntegrityError, ProgrammingError

    for left in reversed(range(TRIES)):
        try:
            return optuna.storages.RDBStorage(
                place.url or "",
                engine_kwargs={"pool_pre_ping": True, "connect_args": {"connect_timeout": CONNECTING}},
                skip_compatibility_check=is_made,
                skip_table_creation=is_made,
                heartbeat_interval=HEARTBEAT,
                grace_period=GRACE,
                heartbeat_stale_trial_callback=on_death,
            )
        except (IntegrityError, ProgrammingError) as error:  # both make the tables, and one is too late
            if not left:
                raise unreachable(place, error) from None
            time.sleep(0.5)
        except Exception as error:  # no server, no such user, no such database, tables of a newer Optuna
            raise unreachable(place, error) from None
    raise AssertionError("the last try returns or raises")


def unreachable(place: Place, error: BaseException) -> UsageError | OutputError:
    """Return the error that says why a study cannot be reached, without the password."""
    if place.path is not None:
        cause: BaseException | None = error
        while cause is not None:  # Optuna stumbles over what it did not write, and says no more of the disk
            if isinstance(cause, OSError):
                return output_error(place.path, cause)
            cause = cause.__cause__ or cause.__context__
    first = getattr(error, "orig", None) or error.__cause__ or error
    said = " ".join(str(getattr(first, "orig", None) or first).split()) or type(error).__name__
    if place.url is not None:
        for secret in _secrets(place.url):
            said = said.replace(secret, "***")
    return UsageError(
        f"{place}: the study cannot be reached: {said[:300]}; check the address, and give the command again"
    )


@contextlib.contextmanager
def reaching(place: Place) -> Iterator[None]:
    """Make one sentence of whatever the study's file or database says against what is read or written here."""
    try:
        yield
    except MlpError:
        raise
    except Exception as error:  # of the database, of a full disk, or of a file that somebody changed meanwhile
        raise unreachable(place, error) from None


class FileLock:
    """A lock that the system lets go of however the process ends, beside the file that it guards."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    def acquire(self) -> bool:
        """Wait for the lock; one that an interrupt left with us is let go of first, lest we wait for ourselves."""
        import fcntl

        self.release()
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Let go of it."""
        held, self._descriptor = self._descriptor, -1
        if held >= 0:
            os.close(held)


def _journal(path: Path) -> Any:
    """Open a journal file; UsageError names the line that is not of a study."""
    from optuna.storages import JournalStorage
    from optuna.storages import journal as kinds

    lock: Any
    try:
        import fcntl  # noqa: F401
    except ImportError:  # Windows
        lock = kinds.JournalFileOpenLock(str(path))
    else:
        lock = FileLock(path.with_name(f"{path.name}.lock"))
    try:
        return JournalStorage(kinds.JournalFileBackend(str(path), lock_obj=lock))
    except OSError as error:
        raise output_error(path, error) from error
    except Exception as error:  # whatever Optuna makes of lines that anybody wrote
        raise _damaged(path, _bad_line(path), error) from None


def mend(path: Path) -> None:
    """Cut off the end of a last line that a power cut tore; UsageError names any other line that is not of a study.

    Only where nobody else writes: it is called with the run folder locked.
    """
    if not path.exists():
        return
    if not path.is_file():
        raise UsageError(f"{path}: this is not a file; give another --out")
    try:
        bad = _bad_line(path)
        if bad is not None:
            raise _damaged(path, bad, None)
        with path.open("rb+") as file:
            content = file.read()
            whole = content.rfind(b"\n") + 1
            torn = content.strip(b"\0")  # which a power cut leaves as well
            if torn and not whole and not torn.startswith(b"{"):
                raise _damaged(path, 1, None)  # a text of somebody's own, and none of a study was lost
            file.truncate(whole)
    except OSError as error:
        raise output_error(path, error) from error


def _bad_line(path: Path) -> int | None:
    """Return the number of the first whole line that is no JSON object with a known operation."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return None
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                return number
            if not isinstance(found, dict) or type(found.get("op_code")) is not int or "worker_id" not in found:
                return number
    return None


def _damaged(path: Path, line: int | None, error: BaseException | None) -> UsageError:
    where = f"line {line} is" if line else "it is"
    why = f" ({type(error).__name__})" if error is not None and line is None else ""
    return UsageError(
        f"{path}: {where} not of a study{why}; bring back a copy of the file, or give another --out to begin anew"
    )


def _without_secrets(url: str) -> str:
    from sqlalchemy.engine import make_url

    parsed = make_url(url)
    shown: str = parsed.set(drivername="postgresql", query={}).render_as_string(hide_password=True)
    return shown


def without_passwords(text: str) -> str:
    """Return a word of a command line as it may be printed.

    >>> without_passwords("--storage=postgresql://me:a@b@host/studies?sslmode=require&password=c")
    '--storage=postgresql://me:***@host/studies?sslmode=require&password=***'
    """
    if "://" not in text:
        return text
    text = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", text)
    return re.sub(r"([?&]\w*password)=[^&]*", r"\1=***", text)


def _secrets(url: str) -> list[str]:
    """Return what nobody may read in a message."""
    from sqlalchemy.engine import make_url

    parsed = make_url(url)
    found = [parsed.password, *(value for name, value in parsed.query.items() if "password" in name)]
    texts = [str(one) for one in found if one]
    return [*texts, *(urllib.parse.quote_plus(one) for one in texts)]
