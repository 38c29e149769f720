"""Whether the tuning service may read the buckets: their IAM policies, where we may look, and the line that grants it.

A job runs as the project's tuning service agent unless it names an account of its own:
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/supervised-tuning/use

The agent's role on its own project, roles/aiplatform.tuningServiceAgent, includes storage.objects.get:
https://docs.cloud.google.com/gemini-enterprise-agent-platform/machine-learning/general/access-control
"""

from __future__ import annotations

import enum
import re
import shlex
from collections.abc import Iterable
from typing import Any

import msgspec
import requests
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage import Client

#: Roles with storage.objects.get: https://cloud.google.com/storage/docs/access-control/iam-roles
_READERS = frozenset(
    {
        "roles/storage.objectViewer",
        "roles/storage.objectUser",
        "roles/storage.objectAdmin",
        "roles/storage.admin",
        "roles/storage.legacyObjectReader",
        "roles/storage.legacyObjectOwner",
    }
)
_EVERYBODY = ("allUsers", "allAuthenticatedUsers")
#: The project's Cloud Storage service agent: https://cloud.google.com/storage/docs/projects#service-agents
_STORAGE_AGENT = re.compile(r"service-([0-9]+)@gs-project-accounts\.iam\.gserviceaccount\.com")
_TIMEOUT_S = 30.0


class AccessState(enum.StrEnum):
    """Whether an account may read a bucket's objects."""

    GRANTED = "granted"
    #: The bucket belongs to the job's own project, where the agent has a role that includes it.
    OWN_PROJECT = "own-project"
    NOT_GRANTED = "not-granted"
    UNKNOWN = "unknown"


class BucketAccess(msgspec.Struct, frozen=True):
    """What is known of one bucket.

    Attributes:
      message: why, as a sentence.
      grant: the command line that grants it; empty where it is granted.
    """

    bucket: str
    account: str
    state: AccessState
    message: str
    grant: str = ""


def check_access(buckets: Iterable[str], project: str | None, service_account: str | None) -> list[BucketAccess]:
    """Looks at each bucket; whatever cannot be looked at is unknown, and no error.

    Args:
      project: of the job.
      service_account: that the job runs as; None for the project's agent.
    """
    names = sorted(set(buckets))
    client = _client()
    number = _project_number(client, project) if client is not None else _as_number(project)
    account = service_account or _agent(project, number)
    return [_of_bucket(client, name, account, number, service_account is not None) for name in names]


def _of_bucket(
    client: Client | None, name: str, account: str, number: str | None, is_own_account: bool
) -> BucketAccess:
    def answer(state: AccessState, message: str) -> BucketAccess:
        granted = state in (AccessState.GRANTED, AccessState.OWN_PROJECT)
        return BucketAccess(name, account, state, message, "" if granted else _grant(name, account))

    if client is None:
        return answer(AccessState.UNKNOWN, "Nobody is signed in to Google Cloud, so nobody could look.")
    if not is_own_account and number is not None and _number_of_bucket(client, name) == number:
        message = "The bucket belongs to the job's project, where the agent's role includes reading it."
        return answer(AccessState.OWN_PROJECT, message)
    try:
        policy = client.bucket(name).get_iam_policy(requested_policy_version=3, timeout=_TIMEOUT_S, retry=None)
        bindings: list[dict[str, Any]] = list(policy.bindings)
    except (GoogleAPIError, GoogleAuthError, requests.RequestException) as error:
        return answer(AccessState.UNKNOWN, f"The bucket's policy cannot be read: {_first_line(error)}")
    if "$(" in account:
        return answer(AccessState.UNKNOWN, "The project's number is not known, so neither is the agent's name.")
    return answer(*_read(bindings, f"serviceAccount:{account}"))


def _read(bindings: list[dict[str, Any]], member: str) -> tuple[AccessState, str]:
    unclear: list[str] = []
    for binding in bindings:
        role, members = str(binding.get("role", "")), set(binding.get("members", ()))
        reads = role in _READERS
        who = next((one for one in (member, *_EVERYBODY) if one in members), None)
        if reads and who and not binding.get("condition"):
            return AccessState.GRANTED, f"The bucket's policy gives {role} to {who}."
        if who and (reads or not role.startswith("roles/")):
            unclear.append(f"{role} under a condition" if reads else f"the custom role {role}")
        elif reads and any(one.startswith(("group:", "domain:", "principalSet:")) for one in members):
            unclear.append(f"{role} for groups, whose members are not known")
    if unclear:
        return AccessState.UNKNOWN, f"The bucket's policy gives {', '.join(dict.fromkeys(unclear))}."
    return AccessState.NOT_GRANTED, "The bucket's own policy does not grant it; a role on its project still may."


def _client() -> Client | None:
    try:
        return Client()
    except (GoogleAuthError, OSError):  # OSError where no project can be found out
        return None


def _as_number(project: str | None) -> str | None:
    return project if project and project.isdecimal() else None


def _project_number(client: Client, project: str | None) -> str | None:
    """The number is part of the name of the project's Cloud Storage agent, which anybody in the project may ask for."""
    if project is None or project.isdecimal():
        return project
    try:
        email = client.get_service_account_email(project, timeout=_TIMEOUT_S, retry=None)
    except (GoogleAPIError, GoogleAuthError, requests.RequestException, KeyError):
        return None
    match = _STORAGE_AGENT.fullmatch(str(email))
    return match[1] if match else None


def _number_of_bucket(client: Client, name: str) -> str | None:
    try:
        bucket = client.get_bucket(name, timeout=_TIMEOUT_S, retry=None)
    except (GoogleAPIError, GoogleAuthError, requests.RequestException):
        return None
    return None if bucket.project_number is None else str(bucket.project_number)


def _agent(project: str | None, number: str | None) -> str:
    of_project = number or f"$(gcloud projects describe {project or 'YOUR-PROJECT'} --format='value(projectNumber)')"
    return f"service-{of_project}@gcp-sa-vertex-tune.iam.gserviceaccount.com"


def _grant(bucket: str, account: str) -> str:
    member = f"serviceAccount:{account}"
    quoted = f'"{member}"' if "$(" in member else shlex.quote(member)
    return (
        f"gcloud storage buckets add-iam-policy-binding gs://{bucket} --member={quoted} "
        "--role=roles/storage.objectViewer"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
