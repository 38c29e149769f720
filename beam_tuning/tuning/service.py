"""The tuning service, through google-genai. What goes wrong is told in our words, and never with a credential."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from beam_tuning.errors import BeamTuningError, UsageError
from beam_tuning.tuning.job import TuningJob, convert_job
from beam_tuning.tuning.request import ADAPTER_SIZES, JobName, TuningRequest

_TIMEOUT_MS = 60_000
#: Answers that leave open whether a request was carried out.
_OPEN = frozenset({HTTPStatus.REQUEST_TIMEOUT, 499})
_LONGEST_MESSAGE = 2000


class ServiceRefused(BeamTuningError):
    """The service did not do it, and said so."""


class ServiceSilent(BeamTuningError):
    """It is not known whether the service did it: it did not answer, or failed."""


class TuningService:
    """The service in one project and region. Nothing is sent before a method is called.

    Raises:
      UsageError: nobody is signed in.
    """

    def __init__(self, project: str, region: str) -> None:
        from google import genai
        from google.genai import types

        self._types = types
        with _telling():
            self._client = genai.Client(
                vertexai=True,
                project=project,
                location=region,
                http_options=types.HttpOptions(api_version="v1", timeout=_TIMEOUT_MS),
            )

    @classmethod
    def of_job(cls, name: JobName) -> TuningService:
        """The service that has a job."""
        return cls(name.project, name.region)

    def create(self, request: TuningRequest) -> TuningJob:
        """Creates a job. It is sent once: a second request would be a second job.

        Raises:
          ServiceRefused: there is no job.
          ServiceSilent: there may be one.
          UsageError: nobody is signed in.
        """
        types = self._types
        extra = {"serviceAccount": request.service_account} if request.service_account else None
        config = types.CreateTuningJobConfig(
            validation_dataset=(
                types.TuningValidationDataset(gcs_uri=request.validation_uri) if request.validation_uri else None
            ),
            tuned_model_display_name=request.display_name,
            epoch_count=request.epochs,
            adapter_size=None
            if request.adapter_size is None
            else types.AdapterSize(ADAPTER_SIZES[request.adapter_size]),
            learning_rate_multiplier=request.learning_rate_multiplier,
            labels=dict(request.labels) or None,
            export_last_checkpoint_only=request.export_last_checkpoint_only or None,
            http_options=types.HttpOptions(extra_body=extra) if extra else None,
        )
        with _telling(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the SDK calls its tuning experimental
            job = self._client.tunings.tune(
                base_model=request.model,
                training_dataset=types.TuningDataset(gcs_uri=request.training_uri),
                config=config,
            )
        return _converted(job)

    def get(self, name: str) -> TuningJob:
        """What has become of a job. Asks again a few times when the service fails.

        Raises:
          ServiceRefused: there is no such job, or it may not be seen.
          ServiceSilent: the service did not answer.
          UsageError: nobody is signed in.
        """
        retry = self._types.HttpRetryOptions(attempts=4, initial_delay=0.5, max_delay=8.0)
        options = self._types.HttpOptions(retry_options=retry)
        with _telling():
            job = self._client.tunings.get(name=name, config=self._types.GetTuningJobConfig(http_options=options))
        return _converted(job)


def _converted(job: Any) -> TuningJob:
    document = job.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"sdk_http_response"})
    return convert_job(document, "the tuning service")


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    import google.auth.exceptions
    import httpx
    from google.genai import errors

    try:
        # Where IPython is loaded, the SDK shows a button of its own: standard output is ours.
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except google.auth.exceptions.DefaultCredentialsError as error:
        raise UsageError(
            "nobody is signed in to Google Cloud",
            where="the tuning service",
            remedy="Sign in with: gcloud auth application-default login",
        ) from error
    except google.auth.exceptions.GoogleAuthError as error:
        raise UsageError(
            "the Google Cloud credentials of this machine give no access token",
            where="the tuning service",
            observed=_first_line(error),
            remedy="Run: gcloud auth application-default login; or set GOOGLE_APPLICATION_CREDENTIALS to a valid file.",
        ) from error
    except errors.APIError as error:
        status = error.code or 0
        observed = f"{status} {error.status or ''} {error.message or ''}".strip()[:_LONGEST_MESSAGE]
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _OPEN:
            raise ServiceSilent("the tuning service failed", where="the tuning service", observed=observed) from error
        raise ServiceRefused(
            "the tuning service refused the request",
            where="the tuning service",
            observed=observed,
            remedy=_remedy(status),
        ) from error
    except (httpx.ConnectError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise ServiceRefused(
            "the tuning service cannot be reached",
            where="the tuning service",
            observed=_first_line(error),
            remedy="Check the network and --region, and try again.",
        ) from error
    except (httpx.HTTPError, ValueError) as error:  # ValueError of JSON, and of what the SDK cannot put into its types
        raise ServiceSilent(
            "the tuning service gave no answer that can be read",
            where="the tuning service",
            observed=_first_line(error),
        ) from error


def _remedy(status: int) -> str:
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return (
            "Check --project, that the Vertex AI API is enabled there, and that you have roles/aiplatform.user; "
            "with --service_account also iam.serviceAccounts.actAs on that account."
        )
    if status == HTTPStatus.NOT_FOUND:
        return "Check --project, --region and the name of the job."
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "Wait until another job has ended, or ask for more quota of Global concurrent tuning jobs."
    return "Change what the service names, and try again."


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
