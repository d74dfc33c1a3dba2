"""A campaign's report: the books and the figures, as JSON and as CSV (docs/reports.md)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from mailer import campaigns
from mailer.access import ApiScope
from mailer.campaigns import By, CampaignId, FullReport
from preference_center.systems.api.calls import Call, Needs
from preference_center.systems.api.errors import ApiRoute
from preference_center.systems.api.report_shapes import ReportAnswer, report_answer

routes = APIRouter(prefix="/campaigns", route_class=ApiRoute, tags=["Campaigns"])

Reads = Annotated[Call, Depends(Needs(ApiScope.READ, ApiScope.CAMPAIGNS))]
Id = Annotated[int, Path(ge=1, le=2**63 - 1, description="The campaign's id.")]
Zone = Annotated[
    str, Query(max_length=64, description="Whose clock cuts the hours and days: Europe/Berlin.")
]
Cut = Annotated[By, Query(description="`day` for 92 days, `hour` for the first seven.")]


@routes.get("/{campaign}/report", response_model=ReportAnswer)
def report_a_campaign(
    campaign: Id, call: Reads, zone: Zone = "UTC", by: Cut = By.DAY
) -> ReportAnswer:
    """Tell what became of its audience, and what people did. Names nobody; the books add up."""
    return report_answer(_report(call, campaign, zone, by))


@routes.get(
    "/{campaign}/report/csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def export_a_report(campaign: Id, call: Reads, zone: Zone = "UTC", by: Cut = By.DAY) -> Response:
    """The same report as CSV, one figure a line, safe to open in a spreadsheet."""
    report = _report(call, campaign, zone, by)
    return Response(
        campaigns.csv_of(report).encode(),
        media_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="campaign-{campaign}.csv"'},
    )


def _report(call: Call, campaign: int, zone: str, by: By) -> FullReport:
    with call.look_long() as session:
        return campaigns.full_report_of(
            session, call.parts.vault, CampaignId(campaign), by=by, zone=zone, now=call.now
        )
