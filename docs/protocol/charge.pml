/*
 * The charge protocol of scheduled payments, for the model checker Spin; see README.md beside this.
 *
 * One order, one payment of it (`billpro.billing.event`), up to ATTEMPTS attempts
 * (`payment.transaction`), two workers, the customer, staff, and a provider behind a network that
 * loses, delays, doubles and reorders. Each step is one transaction of the database or one thing
 * that the provider does; between any two of them everything else may happen. A step names the
 * method that it stands for.
 *
 * What begins with MUTATION is a mistake on purpose, what begins with HOLE one that the code has made
 * (README.md, "Holes"); the checker must find each of them.
 */

#ifndef ATTEMPTS
#define ATTEMPTS 2
#endif
#define ALL 7

/* payment.transaction.state; there is no "authorized" among scheduled payments. */
#define NONE 0
#define DRAFT 1
#define PENDING 2
#define DONE 3
#define ERROR 4
#define CANCEL 5

/* billpro.billing.event.status; "completed" and "recovered" are one, COMPLETED. */
#define SCHEDULED 0
#define PROCESSING 1
#define UNKNOWN 2
#define SOFT_DECLINED 3
#define HARD_DECLINED 4
#define ACTION_REQUIRED 5
#define COMPLETED 6
#define SKIPPED 7
#define CANCELLED 8

/* What the provider says of a payment. */
#define NOTHING 0
#define SUCCEEDED 1
#define SOFT 2
#define HARD 3
#define BANK 4    /* the customer's bank wants to hear from the customer */
#define VOID 5    /* withdrawn */
#define DAYS 6    /* a debit that the bank is asked for; with -DDEBIT all payments are */
#define RETURNED 7    /* a debit that was paid, and that the bank has taken back */
/* What else a request can end with, see `billing/request_outcomes.py`. */
#define NO_ANSWER 8
#define REFUSED 9
#define BROKEN 10 /* approved or declined, but the answer can't be taken in */

/*
 * The age of an attempt since its `billing_sent_date`:
 * YOUNG: the request may be sent again, the provider recognises its key (_can_be_sent_again).
 * AGEING: it isn't sent again, but one that was sent may still arrive; the key is still known.
 * OLD: the key is forgotten, nothing is on its way, and the provider's search knows all there is.
 */
#define YOUNG 0
#define AGEING 1
#define OLD 2

typedef Attempt {
    unsigned state : 3;
    unsigned age : 2;
    bit sent;        /* billing_sent_date */
    bit resent;      /* billing_resent */
    bit unknown;     /* billing_outcome_unknown */
    bit bank;        /* billing_action_required */
    bit known;       /* provider_reference */
    bit hard;        /* billing_decline_class */
    bit selected;    /* token_id is the order's billing_token_id */
    bit booked;      /* payment_id */
    bit over;        /* is_post_processed */
    bit asked        /* the activity "Was it executed?" */
};

typedef Payment {    /* at the provider */
    unsigned status : 3;
    unsigned answer : 3;    /* kept under the idempotency key; NOTHING if there is no such key */
    unsigned captures : 2;
    bit copy;               /* a request for it is still on its way */
    bit message;            /* a message about it is on its way, or was received and waits */
    bit late                /* it was approved after it had been declined */
};

Attempt tx[ATTEMPTS];
Payment payment[ATTEMPTS];

unsigned event : 4 = SCHEDULED;
unsigned opened : 3;        /* attempt_count */
bit requested;              /* requested_date */
bit collection;             /* order.billing_collection_date */
bit cancelled;              /* order.billing_cancel_date */
bit twice;                  /* _report_payment_on_account: "collected twice, refund it" */

/*
 * One lock stands for those of order, event and transaction: whoever takes one of the latter holds
 * the former (_lock_billing, _try_lock_with_order).
 */
byte owner;                 /* 0: free */

/*
 * Transactions read the database as it was when they began (REPEATABLE READ) and fail, to begin
 * anew, when they lock or write a row that others have changed since. So what is locked or written
 * is seen as it is, and such a transaction is one step; what is only read may be out of date.
 *
 * Two mutations have transactions that go on with an old view. For them there are two steps, and a
 * bit for each process whose view of the order, of its payment or of an attempt is out of date.
 */
#if defined(HOLE_CHANGED_WITH_OLD_VIEW) || defined(MUTATION_OPENED_WITHOUT_LOOKING_AGAIN)
#define may_look true
#define AND_LATER }; atomic {
#else
#define may_look (owner == 0)
#define AND_LATER ;
#endif
byte old = ALL, old_event = ALL, old_tx[ATTEMPTS] = ALL;
#define bit_of(who) (1 << (who - 1))
#define begin_view(who) \
    old = old & ~bit_of(who); \
    old_event = old_event & ~bit_of(who); \
    for (j : 0 .. ATTEMPTS - 1) { old_tx[j] = old_tx[j] & ~bit_of(who) } \
    j = 0
/* Nobody's view is told apart from an old one when its transaction is over: fewer states. */
#define end_view(who) \
    old = old | bit_of(who); \
    old_event = old_event | bit_of(who); \
    for (j : 0 .. ATTEMPTS - 1) { old_tx[j] = old_tx[j] | bit_of(who) } \
    j = 0
#define wrote_order old = ALL
#ifdef HOLE_CHANGED_WITH_OLD_VIEW
#define wrote_event old_event = ALL; old = old | bit_of(1) | bit_of(2)
#else
#define wrote_event old = ALL
#endif
#define wrote_tx(n) old_tx[n] = old_tx[n] | bit_of(3)    /* Nobody else is told apart by it. */

/* What the properties are about, known to nobody in the model. */
unsigned captures : 3;
bit under_way[ATTEMPTS];    /* it had been sent when the order was cancelled */
byte sending;               /* workers between the commit of "sent" and that of the outcome */

#define in_flight (event == PROCESSING || event == UNKNOWN)
#define is_open (event != COMPLETED && event != SKIPPED && event != CANCELLED)
#define takes_money(n) (tx[n].state == DRAFT || tx[n].state == PENDING)

/* A condition on the attempts, of which one meets it. */
#if ATTEMPTS == 1
#define any(condition) (condition(0))
#elif ATTEMPTS == 2
#define any(condition) (condition(0) || condition(1))
#else
#define any(condition) (condition(0) || condition(1) || condition(2))
#endif
/* Approved, and the books don't know it (_is_paid_but_not_booked). */
#define is_unbooked(n) (tx[n].state == DONE && !tx[n].over)
/* The selected card was declined for good (_is_card_spent). */
#define has_spent_card(n) \
    (tx[n].hard && tx[n].selected && (tx[n].state == ERROR || tx[n].state == CANCEL))
#define waits_for_bank(n) (tx[n].bank)
/* The provider has it, and takes days. */
#define is_debited(n) (tx[n].state == PENDING && !tx[n].unknown && !tx[n].bank)

/* === THE PROVIDER === */

/* Money moves. */
inline capture(n) {
    payment[n].captures++;
    captures++;
#ifndef LATE_APPROVAL
    assert(captures <= 1);                      /* ONCE */
#endif
    assert(payment[n].captures <= 1);           /* ONCE, even where banks change their minds */
    assert(!cancelled || under_way[n]);         /* NOT AFTER THE CANCELLATION */
}

/* A copy that comes while the key is known changes nothing: fewer states. */
#ifdef HOLE_RESENT_IN_KEYS_LAST_HOUR
#define drop_harmless_copy(n) skip
#else
#define drop_harmless_copy(n) payment[n].copy = 0
#endif

/* A request arrives: executed once for each key that the provider knows. */
inline execute(n) {
    if
    :: payment[n].answer == NOTHING ->
        if
#ifdef DEBIT
        :: payment[n].status = DAYS
#else
        :: payment[n].status = SUCCEEDED; capture(n)
        :: payment[n].status = BANK
#endif
        :: payment[n].status = SOFT
        :: payment[n].status = HARD
        fi;
        payment[n].message = 1;
#ifndef MUTATION_NO_KEY
        payment[n].answer = payment[n].status;
        drop_harmless_copy(n)
#endif
    :: else -> skip                                     /* The same answer again. */
    fi
}

/* === THE ORDER'S SIDE: PIECES OF TRANSACTIONS === */

/* _set_outcome_unknown */
inline set_unknown(n) {
    tx[n].unknown = 1;
    tx[n].resent = 0;       /* From now on only inquiries send it: all of them again. */
#ifdef MUTATION_TIMEOUT_IS_DECLINE
    tx[n].unknown = 0;
    tx[n].state = ERROR;
    tx[n].over = 0;
#endif
    if
    :: tx[n].state == DRAFT -> tx[n].state = PENDING
    :: else -> skip
    fi
}

/* _record_return, _billing_return: first it must be known, and in the books, that it was paid. */
inline take_in_return(n) {
    if
    :: tx[n].state == DONE && tx[n].booked ->
        tx[n].state = ERROR; tx[n].booked = 0; tx[n].over = 1;
        if
        :: event == COMPLETED ->
            wrote_event;
            if
            :: event = SOFT_DECLINED
            :: event = HARD_DECLINED; tx[n].hard = 1
            fi
        :: else -> skip                         /* Staff are asked. */
        fi
    :: else ->
        payment[n].message = 1;
        if
        :: takes_money(n) -> tx[n].state = DONE; tx[n].over = 0
        :: else -> skip
        fi
    fi
}

/* _apply_updates: what the provider says, in whatever way it comes. */
inline take_in(n, said) {
    wrote_tx(n);
    tx[n].known = 1;
    tx[n].unknown = 0;
    tx[n].resent = 0;
    if      /* Messages say what to ask about, so one of what is known already changes nothing. */
    :: said == payment[n].status -> payment[n].message = 0
    :: else -> skip
    fi;
    if
    :: said == SUCCEEDED ->                     /* _set_done: from any state */
        if
        :: tx[n].state != DONE -> tx[n].state = DONE; tx[n].over = 0
        :: else -> skip
        fi;
        tx[n].bank = 0
    :: said == DAYS ->                          /* _set_pending: from "draft" alone */
        if
        :: tx[n].state == DRAFT -> tx[n].state = PENDING
        :: else -> skip
        fi
    :: said == RETURNED -> take_in_return(n)
    :: said == BANK ->                          /* _wait_for_bank */
        if
        :: takes_money(n) -> tx[n].bank = 1; tx[n].state = PENDING
        :: else -> skip
        fi
    :: (said == SOFT || said == HARD) && takes_money(n) ->  /* _set_error */
        tx[n].state = ERROR; tx[n].over = 0; tx[n].bank = 0; tx[n].hard = (said == HARD)
    :: said == VOID && takes_money(n) ->        /* _set_canceled */
        tx[n].state = CANCEL; tx[n].over = 0; tx[n].bank = 0
    :: else -> skip                                     /* Odoo refuses it: it was final. */
    fi
}

/* _finish_cancellation */
inline finish_cancellation() {
    if
    :: cancelled && is_open && !in_flight -> event = CANCELLED; wrote_event
    :: else -> skip
    fi
}

/* _withdraw_unsent_attempts, with a view that may be old: writing an old row fails. */
#ifdef MUTATION_SENT_TAKEN_BACK
#define is_taken_back(n) true
#else
#define is_taken_back(n) (!tx[n].sent)
#endif
inline look_for_unsent() {
    unsent = ATTEMPTS;
    for (j : 0 .. ATTEMPTS - 1) {
        if
        :: tx[j].state == DRAFT && is_taken_back(j) -> unsent = j
        :: else -> skip
        fi
    }
    j = 0
}
inline withdraw_unsent() {
    tx[unsent].state = CANCEL; tx[unsent].over = 1; wrote_tx(unsent);
    if
    :: event == PROCESSING -> event = SCHEDULED; wrote_event
    :: else -> skip
    fi
}

/* _book_batch for one attempt. */
inline book(n) {
    wrote_tx(n);
    if
    :: tx[n].state == DONE ->
        if
        :: tx[n].booked                         /* Does nothing twice. */
        :: !tx[n].booked && event == COMPLETED -> twice = 1
        :: else -> event = COMPLETED; wrote_event; wrote_order
        fi;
        tx[n].booked = 1;
        tx[n].over = 1;
        for (j : 0 .. ATTEMPTS - 1) {           /* _give_up_unsent_attempts */
            if
            :: tx[j].state == DRAFT && !tx[j].sent ->
                tx[j].state = CANCEL; tx[j].over = 1; wrote_tx(j)
            :: else -> skip
            fi
        }
        j = 0
    :: tx[n].state == ERROR || tx[n].state == CANCEL ->
        tx[n].over = 1;
        if
        :: in_flight && n + 1 == opened ->
            wrote_event;
            requested = 0;
            if
            :: tx[n].hard -> event = HARD_DECLINED
            :: else -> event = SOFT_DECLINED
            fi
        :: else -> skip
        fi
    :: tx[n].state == PENDING && tx[n].bank && in_flight && n + 1 == opened ->
        event = ACTION_REQUIRED; requested = 0; wrote_event
    :: tx[n].state == PENDING && tx[n].unknown && event == PROCESSING && n + 1 == opened ->
        event = UNKNOWN; wrote_event
    :: is_debited(n) && event == UNKNOWN && n + 1 == opened ->
        event = PROCESSING; wrote_event
    :: else -> skip
    fi;
    if
    :: tx[n].over ->                            /* Of no use any more: fewer states. */
        tx[n].selected = tx[n].selected && tx[n].hard;
        tx[n].age = YOUNG; tx[n].asked = 0; tx[n].resent = 0; tx[n].known = 0;
        if
        :: payment[n].answer != NOTHING -> payment[n].answer = payment[n].status
        :: else -> skip
        fi
    :: else -> skip
    fi;
    finish_cancellation()                       /* _update_orders */
}

/* Whether booking it would change anything (_get_attempts_to_book). */
#define is_to_book(n) ((tx[n].state == DONE && !tx[n].over) \
    || ((tx[n].state == ERROR || tx[n].state == CANCEL) && !tx[n].over \
        && (in_flight || event == ACTION_REQUIRED)) \
    || (tx[n].state == PENDING && n + 1 == opened \
        && ((tx[n].bank && in_flight) || (tx[n].unknown && event == PROCESSING) \
            || (is_debited(n) && event == UNKNOWN))))

/* The promises that are checked when something is about to be sent. */
inline check_sending(n) {
    for (j : 0 .. ATTEMPTS - 1) {
        assert(j == n || !takes_money(j));                  /* NOT BESIDE AN UNKNOWN ONE */
        assert(j == n || tx[j].state != DONE);              /* NOT WHAT IS KNOWN TO BE PAID */
    }
    j = 0
}

/* === WORKERS: `_cron_run`, `_run_batch`, `_cron_process`, pages that wait === */

/* Which attempts are charged (_get_attempts_to_charge). */
#ifdef HOLE_SENT_LEFT_BEHIND
#define is_to_charge(n) (tx[n].state == DRAFT && in_flight)
#else
#define is_to_charge(n) (tx[n].state == DRAFT && (in_flight || tx[n].sent))
#endif

/* Whether a request without an answer is sent again. */
#ifdef HOLE_RESENT_FOR_PAID
#define is_still_wanted true
#else
#define is_still_wanted (in_flight && !any(is_unbooked))
#endif
#define may_send_again(n) (tx[n].age == YOUNG && is_still_wanted)

/* What is asked of a person: only where no search tells (_ask_person_about_outcome). */
#ifdef WITHOUT_SEARCH
#define is_searched false
#define is_to_ask(n) (tx[n].unknown && !tx[n].asked && !may_send_again(n))
#else
#define is_searched true
#define is_to_ask(n) false
#endif

/* From which age on it counts that the provider's search finds nothing (_settle_by_look_up). */
#ifdef HOLE_SEARCH_TRUSTED_AT_ONCE
#define NOTHING_FOUND_COUNTS AGEING
#else
#define NOTHING_FOUND_COUNTS OLD
#endif

/* Why an attempt that was never sent isn't sent (_is_needless). */
#ifdef MUTATION_SENT_BESIDE_APPROVED
#define is_collected (!in_flight)
#else
#define is_collected (!in_flight || any(is_unbooked))
#endif
#ifdef HOLE_SENT_AFTER_CANCELLATION
#define is_stopped false
#else
#define is_stopped cancelled
#endif

/* The statuses that may be opened (_get_chargeable_domain, _get_requested_domain). */
#define is_chargeable (event == SCHEDULED || event == SOFT_DECLINED \
    || (requested && (event == HARD_DECLINED || event == ACTION_REQUIRED)))


/* _begin_money_transaction has written the order's row (_lock_billing); an inquiry only locks it. */
inline stop_sending() {
    if
    :: !is_inquiry -> wrote_order
    :: else -> skip
    fi;
    owner = 0;
    sending--
}

#ifdef MUTATION_REFUSED_AGAIN_IS_UNTRIED
#define repeats_unknown (tx[n].state != DRAFT)
#else
#define repeats_unknown repeats
#endif

/* The outcome of a request is committed; the process may die before. */
inline commit_outcome() {
    atomic {
        if
        :: sending--; goto progress_fault       /* Killed: the database rolls back. */
        :: wrote_tx(n);
            if
            :: said == NO_ANSWER -> set_unknown(n)
            :: said == REFUSED && repeats_unknown -> set_unknown(n)
            :: said == REFUSED && !repeats_unknown -> tx[n].sent = 0; under_way[n] = 0  /* _wait_for_next_run */
            :: said == BROKEN -> tx[n].known = 1; set_unknown(n)  /* _keep_broken_charge */
            :: else -> take_in(n, said)
            fi;
            stop_sending();
            goto idle
        fi
    }
}

#define CHARGE(i) \
    :: atomic { owner == 0 && is_to_charge(i) -> n = i; owner = me }; goto charging
#ifdef MUTATION_NO_INQUIRIES
#define inquires false
#else
#define inquires true
#endif
#define INQUIRE(i) \
    :: atomic { owner == 0 && tx[i].unknown && inquires \
                && (may_send_again(i) || payment[i].status != NOTHING || is_to_ask(i) \
                    || tx[i].age == OLD) -> \
        n = i; owner = me; is_inquiry = 1 }; goto inquiring
#define BOOK(i) \
    :: d_step { owner == 0 && is_to_book(i) -> book(i) }
/* _process_and_commit: what a message names is asked about. */
#ifdef DEBIT
#define MESSAGE(i) \
    :: atomic { owner == 0 && payment[i].message && is_ready(i) -> take_in(i, payment[i].status) }
#else
#define MESSAGE(i) \
    :: d_step { owner == 0 && payment[i].message -> take_in(i, payment[i].status) }
#endif
/* A return waits until it is booked that it was paid. */
#define is_ready(i) (payment[i].status != RETURNED || takes_money(i) || tx[i].booked)
/* _billing_ask_about_processing, where it brings news. */
#ifdef MUTATION_DEBITS_ARE_NOT_ASKED_ABOUT
#define WAIT(i)
#else
#define WAIT(i) \
    :: atomic { owner == 0 && is_debited(i) && payment[i].status != DAYS -> \
        take_in(i, payment[i].status) }
#endif
/* _refresh_authentication, where it brings news. */
#define POLL(i) \
    :: d_step { owner == 0 && tx[i].bank && payment[i].status != BANK -> \
        take_in(i, payment[i].status) }
/* _withdraw_authentication; the process may die when the provider has done it. */
#define WITHDRAW(i) \
    :: atomic { owner == 0 && tx[i].bank && payment[i].status == BANK && is_withdrawn -> \
        payment[i].status = VOID; \
        if \
        :: take_in(i, VOID) \
        :: goto progress_fault \
        fi }
/* _resolve_outcome: a person looks it up at the provider, and says what is there once it is final. */
#define ANSWER(i) \
    :: d_step { owner == 0 && tx[i].asked && tx[i].unknown && tx[i].age == OLD && \
                payment[i].status != BANK -> \
        wrote_tx(i); tx[i].unknown = 0; tx[i].over = 0; \
        if \
        :: payment[i].status == SUCCEEDED -> tx[i].state = DONE \
        :: else -> tx[i].state = ERROR \
        fi }
#define is_withdrawn (collection || event == SKIPPED || event == CANCELLED)
#if ATTEMPTS == 1
#define FOR_EACH(task) task(0)
#elif ATTEMPTS == 2
#define FOR_EACH(task) task(0) task(1)
#else
#define FOR_EACH(task) task(0) task(1) task(2)
#endif

proctype Worker(byte me) {
    byte n, j;
    unsigned said : 4;
    bit repeats, is_inquiry;

idle:
    atomic { n = 0; said = 0; repeats = 0; is_inquiry = 0; end_view(me) };
end_idle:
    do
    :: atomic { may_look && is_chargeable && opened < ATTEMPTS && !any(has_spent_card) ->
        begin_view(me) AND_LATER
        goto opening }
    :: d_step { owner == 0 && requested && is_chargeable && any(has_spent_card) ->
        requested = 0; wrote_event }            /* _open_locked: set aside */
    FOR_EACH(CHARGE)
    FOR_EACH(INQUIRE)
    FOR_EACH(BOOK)
    FOR_EACH(MESSAGE)
    FOR_EACH(POLL)
#ifdef DEBIT
    FOR_EACH(WAIT)
#endif
    FOR_EACH(WITHDRAW)
    FOR_EACH(ANSWER)
    :: d_step { owner == 0 && collection && !any(waits_for_bank) && !in_flight &&
                !any(is_unbooked) ->         /* _take_collection_request */
        collection = 0; wrote_order;
        if
        :: is_open && !cancelled && !any(has_spent_card) -> requested = 1; wrote_event
        :: else -> skip
        fi }
    :: d_step { owner == 0 && cancelled && is_open && !in_flight ->
        finish_cancellation() }                 /* _keep_dates */
    od;

opening:                                        /* _open_candidates, with the view from before */
    atomic {
        owner == 0;
#ifndef MUTATION_OPENED_WITHOUT_LOOKING_AGAIN
        if
        :: old & bit_of(me) -> goto idle              /* GIVE_WAY */
        :: else -> skip
        fi;
#endif
        if
        :: opened == ATTEMPTS -> goto idle
#ifndef MUTATION_NO_UNIQUE_INDEX
        :: opened < ATTEMPTS && any(takes_money) -> goto idle     /* _billing_one_open_attempt */
#endif
        :: else -> skip
        fi;
        tx[opened].state = DRAFT;
        tx[opened].selected = 1;
        wrote_tx(opened);
        opened++;
        event = PROCESSING; requested = 0; wrote_event;
        goto idle
    };

charging:                                       /* _charge_event; order and attempt are locked */
    atomic {
        if
        :: tx[n].sent && !may_send_again(n) ->
            set_unknown(n); wrote_tx(n); owner = 0; goto idle
        :: tx[n].sent && may_send_again(n) ->
            repeats = 1;
            sending++;
#ifdef HOLE_RESENT_UNMARKED
            goto requesting;
#endif
            tx[n].resent = 1; wrote_tx(n)
        :: !tx[n].sent ->
            sending++;
#ifdef MUTATION_SENT_BEFORE_COMMIT
            goto requesting;
#endif
            tx[n].sent = 1; tx[n].age = YOUNG; wrote_tx(n)
        fi;
        owner = 0                               /* Committed; whoever is killed now was sending. */
    };

locking:                                        /* _begin_money_transaction: a new view, locked */
    atomic {
        if
        :: sending--; goto progress_fault       /* Killed. */
        :: owner == 0 -> owner = me
        fi;
        repeats = repeats || tx[n].resent;
        if
        :: tx[n].state != DRAFT -> stop_sending(); goto idle
        :: tx[n].state == DRAFT && repeats && !may_send_again(n) ->
            set_unknown(n); wrote_tx(n); stop_sending(); goto idle
        :: tx[n].state == DRAFT && !repeats && is_collected ->
            tx[n].state = CANCEL; tx[n].over = 0; wrote_tx(n); stop_sending(); goto idle
        :: tx[n].state == DRAFT && !repeats && !is_collected && is_stopped ->   /* _take_back */
            tx[n].state = CANCEL; tx[n].over = 1; tx[n].sent = 0; under_way[n] = 0; wrote_tx(n);
            event = SCHEDULED; wrote_event;
            finish_cancellation();
            stop_sending(); goto idle
        :: else -> skip
        fi
    };

requesting:                                     /* _charge_with_token */
    atomic {
        check_sending(n);
        if
        :: true -> execute(n); said = payment[n].answer;
            if
            :: payment[n].answer == NOTHING -> said = payment[n].status  /* without a key */
            :: else -> skip
            fi;
            if
            :: true -> skip
            :: payment[n].copy = 1;             /* It arrives a second time later. */
                if
                :: payment[n].answer != NOTHING -> drop_harmless_copy(n)
                :: else -> skip
                fi
            fi
        :: true -> execute(n); said = NO_ANSWER         /* The answer is lost. */
        :: true -> execute(n); said = BROKEN
        :: payment[n].answer == NOTHING -> payment[n].copy = 1; said = NO_ANSWER  /* It comes later. */
        :: said = NO_ANSWER                     /* It is lost. */
        :: said = REFUSED
        fi;
        if
        :: said == NO_ANSWER || said == BROKEN || said == REFUSED -> goto progress_unanswered
        :: else -> skip
        fi
    };
    commit_outcome();
progress_unanswered:
    commit_outcome();

inquiring:                                      /* _ask_about_outcome; order and attempt locked */
    atomic {
        if
        :: may_send_again(n) && !tx[n].known -> repeats = 1; sending++; goto requesting
        :: else -> skip
        fi;
        if                                      /* _look_up_outcome */
        :: payment[n].status != NOTHING && (tx[n].known || is_searched) ->
            take_in(n, payment[n].status); owner = 0; goto idle
        :: payment[n].status != NOTHING && !tx[n].known && !is_searched
        :: payment[n].status != NOTHING && !tx[n].known && is_searched && tx[n].age != OLD ->
            goto progress_fault                 /* The search is late. */
        :: payment[n].status == NOTHING && !is_searched
        :: payment[n].status == NOTHING && is_searched && tx[n].age >= NOTHING_FOUND_COUNTS ->
            wrote_tx(n); tx[n].unknown = 0; tx[n].state = ERROR; tx[n].over = 0;
            owner = 0; goto idle
        :: payment[n].status == NOTHING && is_searched && tx[n].age < NOTHING_FOUND_COUNTS
        fi;
        if
        :: is_to_ask(n) -> tx[n].asked = 1; owner = 0; goto idle    /* _ask_person_about_outcome */
        :: else -> skip
        fi
    };

progress_fault:
    atomic {
        if
        :: owner == me -> owner = 0
        :: else -> skip
        fi;
        goto idle
    }
}

/* === THE CUSTOMER, who acts once or never, but may confirm a payment with the bank at any time === */

/* _request_collection: "pay now". */
inline ask_to_collect() {
    collection = 1;
    wrote_order
}
/* _select_card: another card, which none of the attempts has used. */
inline change_card() {
    for (j : 0 .. ATTEMPTS - 1) { tx[j].selected = 0 }
    j = 0;
    wrote_order
}

proctype Customer() {
    byte j;
    if
    :: atomic { owner == 0 && !cancelled && is_open -> ask_to_collect() }
    :: atomic { owner == 0 && !cancelled && is_open -> change_card() }
    :: atomic { owner == 0 && !cancelled && is_open -> change_card(); ask_to_collect() }
    :: true -> skip
    fi
}

/* === STAFF, or the customer's own cancellation; once or never === */

/* The transaction's view of the database. */
inline look() {
    begin_view(me);
    look_for_unsent();
    saw_in_flight = in_flight;
    if
    :: saw_unbooked = any(is_unbooked)
    :: true -> skip                             /* Not yet, in an old view. */
    fi
}

#ifdef HOLE_CHANGED_WITH_OLD_VIEW
#define is_view_old (old & bit_of(me) || (!saw_in_flight && old_event & bit_of(me)))
#else
#define is_view_old (old & bit_of(me))
#endif

/*
 * _lock_billing waits for the order, and fails if it was changed since the view; so does the lock of
 * its payments, and writing an attempt. Whoever fails begins anew.
 */
inline lock_with_view() {
    owner == 0;
    if
    :: is_view_old -> goto idle
    :: unsent < ATTEMPTS && old_tx[unsent] & bit_of(me) -> goto idle
    :: else -> skip
    fi
}
proctype Staff(byte me) {
    byte j, unsent;
    bit saw_in_flight, saw_unbooked;

idle:
    atomic { unsent = 0; saw_in_flight = 0; saw_unbooked = 0; end_view(me) };
    if
    :: atomic { may_look -> look() AND_LATER    /* _cancel_subscription */
            lock_with_view();
            if
            :: unsent < ATTEMPTS -> withdraw_unsent(); saw_in_flight = 0
            :: else -> skip
            fi;
            cancelled = 1; collection = 0; wrote_order;
            for (j : 0 .. ATTEMPTS - 1) { under_way[j] = tx[j].sent }
            j = 0;
            if
            :: !saw_in_flight -> finish_cancellation()
            :: else -> skip
            fi;
            goto done
        }
    :: atomic { may_look -> look() AND_LATER    /* _skip */
            lock_with_view();
            if
            :: collection || requested || saw_unbooked || !is_open ||
                (saw_in_flight && unsent == ATTEMPTS) -> goto done    /* _lock_for_change */
            :: else -> skip
            fi;
            if
            :: unsent < ATTEMPTS -> withdraw_unsent()
            :: else -> skip
            fi;
            event = SKIPPED; wrote_event;
            goto done
        }
    :: true -> skip
    fi;
done:
    atomic { unsent = 0; saw_in_flight = 0; saw_unbooked = 0; end_view(me) }
}

/* === THE NETWORK, AND TIME === */

#define ARRIVE(i) \
    :: atomic { payment[i].copy -> payment[i].copy = 0; execute(i) } \
    :: payment[i].copy -> payment[i].copy = 0
/* The message of a late approval comes in the end; returns are asked for (_ask_for_disputes). */
#define LOSE(i) \
    :: payment[i].message && !payment[i].late && may_be_lost(i) -> payment[i].message = 0
#ifdef MUTATION_RETURNS_ARE_NOT_ASKED_FOR
#define may_be_lost(i) true
#else
#define may_be_lost(i) (payment[i].status != RETURNED)
#endif
/* The bank pays a debit, or refuses it; and takes back what it has paid. */
#define SETTLE(i) \
    :: atomic { payment[i].status == DAYS -> confirm(i) } \
    :: atomic { payment[i].status == DAYS -> payment[i].status = SOFT; payment[i].message = 1 } \
    :: atomic { payment[i].status == DAYS -> payment[i].status = HARD; payment[i].message = 1 } \
    :: atomic { payment[i].status == SUCCEEDED -> \
        payment[i].status = RETURNED; payment[i].message = 1; \
        payment[i].captures--; captures-- }
/* The customer confirms a payment, from whatever page is still open. */
#define CONFIRM(i) \
    :: atomic { payment[i].status == BANK -> confirm(i) }
/* A bank approves what it has declined; it is found by the provider's message alone. */
#define APPROVE_LATE(i) \
    :: atomic { payment[i].status == SOFT && !payment[i].late && may_approve_late -> \
        payment[i].late = 1; confirm(i) }
#define PASS(i) \
    :: d_step { tx[i].sent && takes_money(i) && tx[i].age == YOUNG -> \
        tx[i].age = AGEING; forget_early(i) } \
    :: d_step { tx[i].sent && takes_money(i) && tx[i].age == AGEING \
                && sending == 0 && owner == 0 && !payment[i].copy -> \
        tx[i].age = OLD; payment[i].answer = NOTHING }
#ifdef HOLE_RESENT_IN_KEYS_LAST_HOUR
#define forget_early(i) payment[i].answer = NOTHING
#else
#define forget_early(i) skip
#endif

inline confirm(i) {
    payment[i].status = SUCCEEDED;
    payment[i].message = 1;
    capture(i)
}

proctype World() {
    bit may_approve_late;
    if
#ifdef LATE_APPROVAL
    :: may_approve_late = 1
#endif
    :: true -> skip
    fi;
end_idle:
    do
    FOR_EACH(ARRIVE)
    FOR_EACH(LOSE)
    FOR_EACH(CONFIRM)
    FOR_EACH(PASS)
#ifdef DEBIT
    FOR_EACH(SETTLE)
#endif
#ifdef LATE_APPROVAL
    FOR_EACH(APPROVE_LATE)
    :: may_approve_late -> may_approve_late = 0
#endif
    od
}

/* === NOTHING IS LEFT TO DO === */

#define is_unsettled(i) \
    ((payment[i].captures && !tx[i].booked) || (takes_money(i) && payment[i].status != BANK))

proctype End() {
end_idle:
    atomic {
        timeout ->
        assert(!any(is_unsettled));             /* BOOKED, and nothing hangs */
        assert(!in_flight);
        assert(event != COMPLETED || captures);     /* PAID IS WHAT THE PROVIDER HAS */
        assert(!cancelled || !is_open);
        assert(captures <= 1 || twice)
    }
}

init {
    atomic {
        run Worker(1); run Worker(2); run World(); run End();
#ifndef WITHOUT_STAFF
        run Staff(3);
#endif
#ifndef WITHOUT_CUSTOMER
        run Customer();
#endif
        skip
    }
}
