"""The table of states, held by the database of the tests: no test may see a batch go elsewhere."""

from sqlalchemy import text
from sqlmodel import Session

from mailer.delivery.states import AFTER_A_RESTORE, NEXT

_ALLOWED = ", ".join(
    f"('{before.value}', '{after.value}')"
    for table in (NEXT, AFTER_A_RESTORE)
    for before, nexts in table.items()
    for after in nexts
)
_HOLD = f"""
    CREATE FUNCTION test_hold_states() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.state, NEW.state) NOT IN ({_ALLOWED}) THEN
            RAISE 'a batch went from % to %', OLD.state, NEW.state;
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER test_hold_states BEFORE UPDATE OF state ON delivery_batch FOR EACH ROW
        WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION test_hold_states()
"""


def hold_states(session: Session) -> None:
    """Refuse every change of a batch's state that the table does not know, from now on."""
    session.execute(text(_HOLD))
