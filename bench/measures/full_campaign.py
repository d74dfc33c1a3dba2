"""A campaign end to end over SMTP beside Postfix's own load generator, into the same sink."""

from bench import campaign, smtp
from bench.pairing import in_turns
from bench.stage import Stage
from bench.values import Measure, Reading, Scale, Spec
from mailer.development.places import free_port


def run(stage: Stage, scale: Scale) -> list[Reading]:
    """Send the large letter to everybody, and as many messages of its size by smtp-source."""
    size = scale.pick(10_000, 20_000)
    with stage.house(crowd=size, apart=200, smtp_port=free_port()) as house:
        port = house.smtp_port
        length, verified = campaign.warm_up(house, port)
        with smtp.sink(port) as taking:
            pairs = in_turns(
                lambda: campaign.rate(house, taking, size),
                lambda: size / smtp.source(port, messages=size, size=length),
                pairs=scale.pairs,
            )
    checked = f"every mail counted at the sink, books balanced, {verified}"
    return [Reading(size, pairs, checked, [f"{length:,} bytes a mail"])]


FULL_CAMPAIGN = Measure(
    "campaign",
    (
        Spec(
            "campaign end to end over SMTP",
            "messages/s",
            "smtp-source, 10 sessions, same size, same sink",
            1.0,
        ),
    ),
    run,
)
