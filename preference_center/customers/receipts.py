"""The receipt of one save: made from the consent ledger, so that it says what is stored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session

from mailer.delivery import Acknowledgement, Left
from mailer.ledger import record, story_of
from mailer.permission import receipt_of
from mailer.vocabulary import MailingId, PersonId
from preference_center.customers.views import LeftView, ReceiptPage, changes_said
from preference_center.customers.visitor import Visitor
from preference_center.customers.wishes import not_surely, subject_of
from preference_center.door import WebDoor

KIND = "acknowledged"


def keep_receipt(door: WebDoor, person_id: PersonId, said: Acknowledgement) -> None:
    """Write down what had left when a wish was acknowledged, so that its receipt can say it.

    The wish itself is in force already; nothing is written where nothing had left. Raises
    NotSurelySaved: an acknowledgement that cannot name what had left is none.
    """
    if not said.left and not said.unsure:
        return
    detail = {
        "reference": said.reference,
        "left": [_item(each) for each in said.left],
        "unsure": [_item(each) for each in said.unsure],
    }
    with not_surely(), door.parts.database.transaction() as session:
        record(session, KIND, at=said.at, actor="customer", person_id=person_id, detail=detail)


def receipt_page(
    session: Session, visitor: Visitor, reference: str, *, preferences: str
) -> ReceiptPage | None:
    """Return what one save of this person's changed; None where it is not theirs or not there."""
    records = receipt_of(session, visitor.person_id, reference)
    if not records:
        return None
    kept = _kept(session, visitor.person_id, reference)
    place = visitor.place
    return ReceiptPage(
        address=place.address,
        reference=reference,
        at=place.moment(records[0].at),
        changed=changes_said(records, place.zone),
        words=tuple(line for line in records[0].words.splitlines() if _is_yes(records, line)),
        policy_version=records[0].policy_version,
        left=tuple(
            LeftView(subject_of(session, each), place.moment(each.at))
            for each in _items(kept, "left")
        ),
        may_still_arrive=tuple(subject_of(session, each) for each in _items(kept, "unsure")),
        preferences=preferences,
    )


def _is_yes(records: Any, line: str) -> bool:
    return bool(line) and any(each.act == "yes" for each in records)


def _item(left: Left) -> dict[str, object]:
    return {"mailing": left.mailing_id, "at": left.at.isoformat()}


def _items(kept: Mapping[str, Any], name: str) -> list[Left]:
    return [
        Left(MailingId(each["mailing"]), datetime.fromisoformat(each["at"]))
        for each in kept.get(name, [])
    ]


def _kept(session: Session, person_id: PersonId, reference: str) -> Mapping[str, Any]:
    return next(
        (
            entry.detail
            for entry in story_of(session, person_id, limit=500)
            if entry.kind == KIND and entry.detail.get("reference") == reference
        ),
        {},
    )
