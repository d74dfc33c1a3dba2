/* How a batch leaves, and how a no is acknowledged: every interleaving of senders, two people with a
   no each, staff that pause, resume and cancel, a reaper, evidence that comes late, a kernel that
   ends late senders, a database that answers or does not, and crashes. README.md beside this file
   says how to run it, what it leaves out, and what each weakening must break. */

#ifndef CRASHES
#define CRASHES 2               /* kill -9 of a sender, at any step; it is started again */
#endif

#define NOBODY 9
#define BIT(one) (1 << (one))
#define BOTH 3                  /* a set of people, or of batches, is a set of bits */
#define HAS(set, one) (((set) >> (one)) & 1)

#include "weakenings.h"

/* A batch's states, and a mailing's, which may be cancelled, too: delivery/states.py. */
mtype = { prepared, claimed, handing, settled, unknown, cancelled };
mtype = { sending, paused };
/* A sender's start window: delivery/window.py. Late: as long as an opt-out waits has passed since it
   opened. Armed late: by a timer that may fire too late. Ended: the kernel has ended the sender. */
mtype = { shut, open, late, armed, armed_late, ended };

mtype mailing = sending;
mtype state[2];                 /* of two batches; one that is over makes room for the next */
byte people[2];                 /* who is in each and not accounted for */
byte token[2];                  /* whose claim it is; a token dies with its sender */
byte accounted;                 /* of whom the books say what became */
bool taken[2];                  /* the provider has the message of somebody not accounted for */
byte no;                        /* whose no stands in the database */
byte seen[2];                   /* which batches in hand each person's no waits for */
byte acknowledged;              /* whose no is */
mtype window[2];
byte crashes;
bool has_begun;                 /* somebody has claimed */

#define IS_IN_HAND(b) (token[b] == me && state[b] == handing)
#define IS_MY_UNKNOWN(b) (token[b] == me && state[b] == unknown)
#define HOLDS(b, who) (state[b] == handing && HAS(people[b], who) -> BIT(b) : 0)

/* Everybody is in one batch, or the books say what became of them: they balance, always. */
#define BALANCED ((people[0] | people[1] | accounted) == BOTH \
    && (people[0] & people[1]) == 0 && ((people[0] | people[1]) & accounted) == 0)

/* Every change of a batch's state is one of these; delivery/states.py allows the same. */
inline move(b, before, after) {
    assert(state[b] == before);
    state[b] = after
}

/* The books say of some what became of them, and they are in no batch. Whether they were handed
   over is forgotten: `begin` would notice. */
inline account(b, set) {
    assert(((set) & ~people[b]) == 0);
    assert(((set) & accounted) == 0);
    accounted = accounted | (set);
    people[b] = people[b] & ~accounted;
    taken[0] = taken[0] && !HAS(accounted, 0);
    taken[1] = taken[1] && !HAS(accounted, 1)
}

/* Who was provably not handed over is in line again, in a child; a child of a cancelled mailing is
   cancelled. The first batch is person 0's, or both's; the second is person 1's. */
inline put_into_child(set) {
    if
    :: (set) == 0
    :: (set) != 0 && IS_CALLED_OFF -> accounted = accounted | (set)
    :: HAS(set, 0) && !IS_CALLED_OFF ->
        assert(people[0] == 0);
        people[0] = set;
        state[0] = prepared
    :: (set) == BIT(1) && !IS_CALLED_OFF ->
        assert(people[1] == 0);
        people[1] = set;
        state[1] = prepared
    fi
}

/* A batch is in hand no longer: whoever waits for it finds out. */
inline let_go(b) {
    seen[0] = seen[0] & ~BIT(b);
    seen[1] = seen[1] & ~BIT(b)
}

/* As long as an opt-out waits has passed since somebody saw this batch in hand, and so it has since
   its sender's window opened. Time passes at no other moment: nobody else could tell. */
inline pass_time(b) {
    if
    :: token[b] != NOBODY && window[token[b]] == open -> window[token[b]] = late
    :: token[b] != NOBODY && window[token[b]] == armed ->
        window[token[b]] = ended;
        token[b] = NOBODY
    :: else
    fi
}

/* A hand-over begins: of nobody whose no is acknowledged, nobody twice, and nobody after the books
   closed. */
inline begin(who) {
    assert(!HAS(acknowledged, who));
    assert(!taken[who]);
    assert(!HAS(accounted, who));
    passed = passed & ~BIT(who);
    if
    :: taken[who] = true; over = over | BIT(who)     /* accepted */
    :: taken[who] = true; over = over | IN_DOUBT(who)
    :: over = over | BIT(who)                        /* rejected, or in doubt and not taken */
    :: true                                          /* provably not taken: they wait */
    fi
}

/* Nothing more is begun. */
inline disarm() {
    d_step { window[me] = shut; passed = 0; FORGET_REFUSALS }
    goto sender_handed_over
}

/* The sender is done with its batch; or it is ended, and started again. */
inline leave() {
    d_step {
        if
        :: token[b] == me ->
            token[b] = NOBODY;
            if
            :: state[b] == unknown -> account(b, people[b])  /* for good */
            :: else
            fi
        :: else
        fi;
        window[me] = shut;
        b = 0; passed = 0; refused = 0; over = 0;
        assert(BALANCED)
    }
    goto idle
}

#ifdef ANY_CRASHES
#define KILLED true -> leave()
#else
#define KILLED crashes < CRASHES -> crashes++; leave()
#endif

proctype Sender(byte me) {
    byte b = 0;                 /* its batch */
    byte passed = 0;            /* whom the gate let through and who is not begun */
    byte refused = 0;           /* whom the gate refused, not written yet */
    byte over = 0;              /* begun, and not to be begun again */

end:
idle:
    /* S1: claim what is due, or what a claim has left whose lease is over; cut it to a slice; refuse
       who may not be mailed. Senders are alike: the first claim is the first one's. */
    atomic {
        mailing == sending && (IS_DUE(0) || IS_DUE(1)) && (has_begun || me == 0);
        has_begun = true;
        if
        :: IS_DUE(0) && people[0] == BOTH ->
            people[0] = BIT(0);
            people[1] = BIT(1);
            state[1] = prepared
        :: true
        fi;
        if
        :: IS_DUE(0) -> b = 0
        :: IS_DUE(1) -> b = 1
        fi;
        if
        :: state[b] == prepared -> move(b, prepared, claimed)
#ifndef NO_LEASE
        :: state[b] == claimed -> move(b, claimed, claimed)
#endif
#ifdef STEALING
        :: state[b] == handing -> state[b] = claimed
#endif
        fi;
        token[b] = me;
        account(b, people[b] & no);
        if
        :: people[b] == 0 -> move(b, claimed, settled); leave()
        :: people[b] != 0
        fi
    }

sender_window_open:
    /* Everything is printed, the connections are open, and then the window. S2. */
#ifdef GATE_BEFORE_S2
    passed = people[b] & ~no;
#endif
    if
    :: atomic { IS_CLAIMED(b) -> move(b, claimed, handing); window[me] = AT_S2 }
    :: atomic { IS_CLAIMED(b) -> move(b, claimed, handing); goto in_doubt }
    :: goto in_doubt                                 /* not committed, and nobody knows */
    :: atomic { IS_CLAIMED(b) -> move(b, claimed, prepared); leave() }  /* given back before */
    :: atomic { true -> leave() }                    /* its turn is over, the database away */
    :: atomic { KILLED }
    fi;
    goto sender_in_hand;

in_doubt:
    /* The answer to S2's COMMIT is lost: read again by the token; nobody is handed over. Where the
       reaper came first, this is the late word about everybody. */
    if
    :: atomic { IS_CLAIMED(b) -> move(b, claimed, prepared); leave() }
    :: atomic { IS_IN_HAND(b) -> passed = 0; goto sender_handed_over }
    :: atomic { IS_MY_UNKNOWN(b) -> passed = 0; goto sender_handed_over }
    :: atomic { !IS_CLAIMED(b) && !IS_IN_HAND(b) && !IS_MY_UNKNOWN(b) -> leave() }
    :: atomic { KILLED }
    fi;

sender_in_hand:
    /* S3, the gate: a statement of its own, after the commit of S2. */
    if
    :: atomic {
        IS_IN_HAND(b) && mailing == sending ->
#ifdef WINDOW_AFTER_S2
            window[me] = open;
#endif
            refused = people[b] & MAY_NOT_BE_MAILED;
            passed = people[b] & ~refused;
            if
            :: refused == 0 -> goto gate_refused
            :: refused != 0
            fi
       }
    :: atomic { true -> disarm() }                   /* not in hand, paused, the database away */
    :: atomic { KILLED }
    fi;

gate_decided:
    /* Its refusals, in a commit before the hand-over. */
    if
    :: atomic { IS_IN_HAND(b) -> WRITE_REFUSALS }
    :: atomic { IS_IN_HAND(b) -> WRITE_REFUSALS; disarm() }  /* and nobody knows */
    :: atomic { true -> disarm() }                   /* given up meanwhile, the database away */
    :: atomic { KILLED }
    fi;

gate_refused:
#ifdef WINDOW_AFTER_GATE
    window[me] = open;
#endif
    /* The clock is read ... */
    if
    :: atomic { COMES_LATE -> disarm() }
    :: !COMES_LATE
    :: atomic { KILLED }
    fi;
    /* ... the kernel's timer is armed by it, which may take a while ... */
    if
    :: atomic { ARMS_IN_TIME -> window[me] = ARMED }
    :: window[me] = armed_late
    :: atomic { KILLED }
    fi;
    /* ... and the clock is read again. */
    if
    :: atomic { ARMED_LATE -> disarm() }
    :: !ARMED_LATE
    :: atomic { KILLED }
    fi;

gate_armed:
    /* S4: one after the other is begun, or the rest is not begun in time. */
    if
    :: atomic { window[me] != ended && HAS(passed, 0) -> begin(0); goto gate_armed }
    :: atomic { window[me] != ended && HAS(passed, 1) -> begin(1); goto gate_armed }
    :: atomic { window[me] != ended -> disarm() }
    :: atomic { window[me] == ended -> leave() }
    :: atomic { KILLED }
    fi;

sender_handed_over:
    /* S5, one commit, again and again while the database is away; a late word counts, too. */
    if
    :: atomic {
        token[b] == me && (state[b] == handing || state[b] == unknown) ->
            if
            :: state[b] == handing -> move(b, handing, settled)
            :: state[b] == unknown -> move(b, unknown, settled)
            fi;
            let_go(b);
            account(b, over & people[b]);            /* some may have been heard of already */
            token[b] = NOBODY;
            passed = LEFT;
            people[b] = 0;
#ifdef CHILD_APART
            if
            :: crashes < CRASHES -> crashes++; leave()
            :: true
            fi;
#endif
            put_into_child(passed);
            leave()
       }
    :: atomic { !(token[b] == me && (state[b] == handing || state[b] == unknown)) -> leave() }
    :: atomic { KILLED }
    fi
}

inline become_unknown(b) {
    move(b, handing, unknown);
    if
    :: token[b] == NOBODY -> account(b, people[b])   /* for good */
    :: token[b] != NOBODY                            /* whose word may come late */
    fi
}

/* In hand for so long that the sender can neither begin nor hear anything any more. */
proctype Reaper() {
end:
    do
    :: atomic { IS_OVERDUE(0) -> WAITED_LONGER(0); let_go(0); GIVE_UP(0) }
    :: atomic { IS_OVERDUE(1) -> WAITED_LONGER(1); let_go(1); GIVE_UP(1) }
    od
}

inline settle_if_known(b) {
    if
    :: people[b] == 0 -> move(b, unknown, settled); token[b] = NOBODY
    :: people[b] != 0
    fi
}

#define MAY_BE_HEARD_OF(b, who) state[b] == unknown && HAS(people[b], who) && taken[who]

/* Somebody of unknown fate is heard of from their mailbox; or a person looks, and settles all. */
proctype Evidence() {
end:
    do
    :: atomic { MAY_BE_HEARD_OF(0, 0) -> account(0, BIT(0)); settle_if_known(0) }
    :: atomic { MAY_BE_HEARD_OF(0, 1) -> account(0, BIT(1)); settle_if_known(0) }
    :: atomic { MAY_BE_HEARD_OF(1, 1) -> account(1, BIT(1)); settle_if_known(1) }
    :: atomic { state[0] == unknown && people[0] -> account(0, people[0]); settle_if_known(0) }
    :: atomic { state[1] == unknown && people[1] -> account(1, people[1]); settle_if_known(1) }
    od
}

/* A person says no. People are alike: the first no is person 0's. */
proctype OptOut(byte who) {
#ifdef LOOKS_FIRST
    atomic { who == 0 || HAS(no | acknowledged, 0) -> seen[who] = HOLDS(0, who) | HOLDS(1, who) }
#endif
    /* O1 */
    if
    :: atomic { who == 0 || HAS(no | acknowledged, 0) -> no = no | BIT(who) }
#ifdef SAVED_IN_DOUBT
    :: who == 0 || HAS(no | acknowledged, 0)
#endif
    fi;

optout_journaled:
    /* O2: which batches in hand hold this person? A statement of its own, after the commit. */
#if !defined(NO_BARRIER) && !defined(LOOKS_FIRST)
    seen[who] = HOLDS(0, who) | HOLDS(1, who);
#endif

optout_looked:
    /* O3: until nobody of it is in hand, or the wait is over. O4. */
    atomic {
        true ->
        if
        :: HAS(seen[who], 0) -> WAITED_FOR(0)
        :: else
        fi;
        if
        :: HAS(seen[who], 1) -> WAITED_FOR(1)
        :: else
        fi;
        seen[who] = 0;
        acknowledged = acknowledged | BIT(who);
        assert(HAS(no, who))                         /* what is said to be saved is */
    }
end:
    false
}

inline cancel_waiting(b) {
    if
    :: state[b] == prepared -> move(b, prepared, cancelled); account(b, people[b])
    :: state[b] == claimed -> move(b, claimed, cancelled); account(b, people[b]); token[b] = NOBODY
    OR_IN_HAND(b)
    :: else
    fi
}

/* Marketing does nothing; or pauses, and resumes; or cancels. */
proctype Staff() {
end:
    if
    :: goto cancel
    :: atomic { mailing == sending -> mailing = paused }
    fi;
    if
    :: atomic { mailing == paused -> mailing = sending }
    :: goto cancel
    fi;
end_resumed:
    false;
cancel:
    atomic { true -> mailing = cancelled; cancel_waiting(0); cancel_waiting(1) }
end_cancelled:
    false
}

#if defined(FORGETS_NO) || defined(FORGETS_S2)
/* A database that commits before it has written, and crashes. */
proctype Database() {
end:
#ifdef FORGETS_NO
    atomic { acknowledged != 0 -> no = no & ~acknowledged }
#else
    atomic { state[0] == handing -> state[0] = claimed; let_go(0) }
#endif
end_crashed:
    false
}
#endif

/* When nothing happens any more, everybody is accounted for, and every no is kept. */
proctype Afterwards() {
end:
    timeout -> assert(accounted == BOTH);
    assert(acknowledged == BOTH);
    assert(no == BOTH)
}

init {
    atomic {
        state[0] = prepared;
        people[0] = BOTH;
        state[1] = settled;
        token[0] = NOBODY;
        token[1] = NOBODY;
        window[0] = shut;
        window[1] = shut;
        run Sender(0);
        run Sender(1);
        run Reaper();
        run Evidence();
        run OptOut(0);
        run OptOut(1);
        run Staff();
#if defined(FORGETS_NO) || defined(FORGETS_S2)
        run Database();
#endif
        run Afterwards()
    }
}
