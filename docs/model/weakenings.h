/* What some details of the protocol are, and under a name what each becomes without it; a few more
   names stand in the protocol itself. README.md tells what each breaks. */

/* The gate */

#ifdef NO_GATE
#define MAY_NOT_BE_MAILED 0
#elif defined(GATE_BEFORE_S2)
#define MAY_NOT_BE_MAILED ~passed                    /* whom a look before S2 let through */
#else
#define MAY_NOT_BE_MAILED no
#endif

#ifdef REFUSALS_UNWRITTEN
#define WRITE_REFUSALS skip
#define FORGET_REFUSALS skip
#define LEFT (people[b] & ~refused)
#else
#define WRITE_REFUSALS account(b, refused); refused = 0
#define FORGET_REFUSALS refused = 0
#define LEFT people[b]
#endif

/* The start window */

#if defined(WINDOW_AFTER_S2) || defined(WINDOW_AFTER_GATE)
#define AT_S2 shut
#else
#define AT_S2 open
#endif

#ifdef NO_ARMING
#define ARMED open                                   /* only the clock is looked at */
#else
#define ARMED armed
#endif

#ifdef LATE_GOES_ON
#define COMES_LATE false
#define ARMS_IN_TIME true
#else
#define COMES_LATE (window[me] == late)
#define ARMS_IN_TIME (window[me] == open)
#endif

#ifdef ONE_LOOK
#define ARMED_LATE false
#else
#define ARMED_LATE (window[me] == armed_late)
#endif

/* Waits */

#ifdef SHORT_BARRIER
#define WAITED_FOR(b) skip
#else
#define WAITED_FOR(b) pass_time(b)
#endif

#if defined(HASTY_REAPER) || defined(WINDOW_AFTER_S2)
#define WAITED_LONGER(b) skip
#else
#define WAITED_LONGER(b) pass_time(b)
#endif

/* Claims and what becomes of a batch */

#ifdef STALE_CLAIM
#define IS_CLAIMED(b) (state[b] == claimed)
#else
#define IS_CLAIMED(b) (token[b] == me && state[b] == claimed)
#endif

#ifdef STEALING
#define IS_DUE(b) (state[b] == prepared || state[b] == claimed || state[b] == handing)
#elif defined(NO_LEASE)
#define IS_DUE(b) (state[b] == prepared)
#else
#define IS_DUE(b) (state[b] == prepared || state[b] == claimed)
#endif

#ifdef UNKNOWN_AGAIN
#define IN_DOUBT(who) 0
#else
#define IN_DOUBT(who) BIT(who)
#endif

#ifdef NO_REAPER
#define IS_OVERDUE(b) false
#else
#define IS_OVERDUE(b) (state[b] == handing)
#endif

#ifdef REAPER_SENDS_AGAIN
#define GIVE_UP(b) state[b] = prepared; token[b] = NOBODY
#else
#define GIVE_UP(b) become_unknown(b)
#endif

#ifdef LIVELY_CHILDREN
#define IS_CALLED_OFF false
#else
#define IS_CALLED_OFF (mailing == cancelled)
#endif

#ifdef CANCELS_IN_HAND
#define OR_IN_HAND(b) :: state[b] == handing -> state[b] = cancelled; account(b, people[b])
#else
#define OR_IN_HAND(b)
#endif
