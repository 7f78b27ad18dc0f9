"""Service Quotas: moto's, with ElastiCache's quotas, listings, and requests that are approved after a while."""

from __future__ import annotations

import json
import time
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.servicequotas.models import VPC_DEFAULT_QUOTAS
from moto.servicequotas.responses import ServiceQuotasResponse

from windlass_local.elasticache.quotas import QUOTAS, Quotas
from windlass_local.services.elasticache import CACHE_TIMING, region_of

__all__ = ["PRIVATE_NAMES", "install"]

PRIVATE_NAMES = (
    "moto.servicequotas.models.VPC_DEFAULT_QUOTAS",
    "moto.servicequotas.responses.ServiceQuotasResponse.get_service_quota",
    "moto.servicequotas.responses.ServiceQuotasResponse.list_aws_default_service_quotas",
)
_PATCHED = "_windlass_quotas"
_PAGE = 100


def install() -> None:
    """Replace moto's two operations and add the missing ones. Idempotent."""
    if hasattr(ServiceQuotasResponse, _PATCHED):
        return
    setattr(ServiceQuotasResponse, _PATCHED, True)
    for method in (
        list_services,
        list_service_quotas,
        list_aws_default_service_quotas,
        get_service_quota,
        get_aws_default_service_quota,
        request_service_quota_increase,
        get_requested_service_quota_change,
        list_requested_service_quota_change_history,
        list_requested_service_quota_change_history_by_quota,
    ):
        setattr(ServiceQuotasResponse, method.__name__, method)


def list_services(self: Any) -> str:
    """Answer ListServices."""
    services = {"elasticache": "Amazon ElastiCache", "vpc": "Amazon Virtual Private Cloud (Amazon VPC)"}
    return _page(self, "Services", [{"ServiceCode": code, "ServiceName": name} for code, name in services.items()])


def list_service_quotas(self: Any) -> str:
    """Answer ListServiceQuotas with the applied values."""
    return _page(self, "Quotas", _quota_rows(self, default=False))


def list_aws_default_service_quotas(self: Any) -> str:
    """Answer ListAWSDefaultServiceQuotas."""
    return _page(self, "Quotas", _quota_rows(self, default=True))


def get_service_quota(self: Any) -> str:
    """Answer GetServiceQuota with the applied value."""
    return json.dumps({"Quota": _one(self, default=False)})


def get_aws_default_service_quota(self: Any) -> str:
    """Answer GetAWSDefaultServiceQuota."""
    return json.dumps({"Quota": _one(self, default=True)})


def request_service_quota_increase(self: Any) -> str:
    """Answer RequestServiceQuotaIncrease."""
    parameters, quotas = _parameters(self), _quotas(self)
    quota = _one(self, default=False)
    code, desired = quota["QuotaCode"], float(parameters["DesiredValue"])
    if parameters["ServiceCode"] != "elasticache" or not quota["Adjustable"]:
        raise JsonRESTError("IllegalArgumentException", "This quota can't be changed here.")
    if desired <= quota["Value"]:
        raise JsonRESTError(
            "IllegalArgumentException", "You must provide a quota value greater than the current quota value."
        )
    if quotas.open_request(code):
        raise JsonRESTError(
            "ResourceAlreadyExistsException", "Only one open service quota increase request is allowed per quota."
        )
    return json.dumps({"RequestedQuota": quotas.request(code, desired, now=time.time(), answer_s=CACHE_TIMING.node_s)})


def get_requested_service_quota_change(self: Any) -> str:
    """Answer GetRequestedServiceQuotaChange."""
    result = _quotas(self).requests.get(_parameters(self)["RequestId"])
    if result is None:
        raise _missing()
    return json.dumps({"RequestedQuota": result})


def list_requested_service_quota_change_history(self: Any) -> str:
    """Answer ListRequestedServiceQuotaChangeHistory."""
    return _history(self, lambda one: one["Status"] == _parameters(self).get("Status", one["Status"]))


def list_requested_service_quota_change_history_by_quota(self: Any) -> str:
    """Answer ListRequestedServiceQuotaChangeHistoryByQuota."""
    return _history(self, lambda one: one["QuotaCode"] == _parameters(self)["QuotaCode"])


def _history(response: Any, requested: Any) -> str:
    return _page(
        response, "RequestedQuotas", [request for request in _quotas(response).requests.values() if requested(request)]
    )


def _parameters(response: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(response.body or "{}")
    return document


def _quotas(response: Any) -> Quotas:
    quotas = region_of(response.current_account, response.region).quotas
    quotas.settle(time.time())
    return quotas


def _quota_rows(response: Any, *, default: bool) -> list[dict[str, Any]]:
    service = _parameters(response).get("ServiceCode")
    if service == "elasticache":
        quotas = _quotas(response)
        return [quotas.describe(code, default=default) for code in QUOTAS]
    if service == "vpc":
        return list(VPC_DEFAULT_QUOTAS)
    raise _missing()


def _one(response: Any, *, default: bool) -> dict[str, Any]:
    code = _parameters(response)["QuotaCode"]
    result = next(
        (quota_row for quota_row in _quota_rows(response, default=default) if quota_row["QuotaCode"] == code), None
    )
    if result is None:
        raise _missing()
    return result


def _missing() -> JsonRESTError:
    return JsonRESTError(
        "NoSuchResourceException", "The request failed because the specified service, quota or request does not exist."
    )


def _page(response: Any, name: str, rows: list[dict[str, Any]]) -> str:
    parameters = _parameters(response)
    first = int(parameters.get("NextToken") or 0)
    last = first + int(parameters.get("MaxResults") or _PAGE)
    more = {"NextToken": str(last)} if last < len(rows) else {}
    return json.dumps({name: rows[first:last], **more})
