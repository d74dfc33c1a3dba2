"""What a wish comes to, written by one statement: who opts out waits for each way to the database."""

from sqlalchemy import BigInteger, DateTime, Integer, Text, bindparam, text

WISH = text(
    """
    WITH standing AS (
        UPDATE permission_standing
        SET version = :version, topics_on = :topics_on, topics_answered = :topics_answered,
            paused_until = :paused_until, frequency = :frequency, tracking = :tracking,
            confirmed = :confirmed, gpc_since = :gpc_since
        WHERE person_id = :person_id
    ), nos AS (
        INSERT INTO permission_suppression
            (person_id, address_id, scope, topic, reason, door, since)
        SELECT :person_id, address_id, scope, topic, 'opt_out', :door, :now
        FROM unnest(
            CAST(:no_at AS bigint[]), CAST(:no_scopes AS text[]), CAST(:no_topics AS text[])
        ) AS no(address_id, scope, topic)
    )
    INSERT INTO permission_consent
        (person_id, at, act, topic, value, door, words, policy_version, version, reference,
         mailing_id)
    SELECT :person_id, :now, act, topic, value, :door, :words, :policy_version, :version,
           :reference, :mailing_id
    FROM unnest(CAST(:acts AS text[]), CAST(:topics AS text[]), CAST(:values AS text[]))
        WITH ORDINALITY AS spoken(act, topic, value, place)
    ORDER BY place
    """
).bindparams(
    bindparam("person_id", type_=BigInteger),
    bindparam("mailing_id", type_=BigInteger),
    bindparam("version", type_=Integer),
    *(bindparam(name, type_=Text) for name in ("door", "words", "policy_version", "reference")),
    *(
        bindparam(name, type_=DateTime(timezone=True))
        for name in ("now", "paused_until", "gpc_since")
    ),
)
