/*
 * The checkout, for the model checker Spin; see README.md beside this.
 *
 * One order, whose initial amount is paid at Stripe by the customer's browser, up to ATTEMPTS
 * attempts (`payment.transaction`), two tabs, staff who cancel the order, and a server that
 * processes messages and books. Each step is one transaction of the database, or one thing that
 * happens at the provider; between any two of them everything else may happen. A step names the
 * method that it stands for.
 *
 * What begins with MUTATION is a mistake on purpose; the checker must find each of them.
 */

#ifndef ATTEMPTS
#define ATTEMPTS 3
#endif
#define BEGINNINGS 2    /* of each tab */

/* payment.transaction.state */
#define NONE 0
#define DRAFT 1
#define DONE 2
#define ERROR 3
#define CANCEL 4

/* The payment at the provider. */
#define NOTHING 0
#define OPEN 1          /* A browser can finish it, also after a decline. */
#define SUCCEEDED 2
#define ENDED 3         /* "canceled" */
#define UNANSWERED 4    /* what is known of it when a request is lost */

/* sale.order.billing_status */
#define PENDING 0
#define APPROVED 1
#define CANCELLED 2

typedef Attempt {
    unsigned state : 3;
    bit ended;          /* billing_ended */
    bit booked;         /* is_post_processed, with its payment */
    bit on_account      /* billing_on_account: staff are asked to refund it */
};

typedef Payment {
    unsigned status : 2;
    bit declined;       /* the last card */
    bit message         /* a message about it is on its way */
};

Attempt tx[ATTEMPTS];
Payment payment[ATTEMPTS];

unsigned order : 2 = PENDING;
unsigned begun : 3;
/* The order's lock (_lock_billing). Whoever waits for it with an old view begins anew. */
byte owner;
/*
 * Coming back from Stripe takes no lock of the order, so attempts can change under whoever holds it,
 * and who then writes them fails with an old view (REPEATABLE READ).
 */
bit is_old;
unsigned captures : 2;  /* Known to nobody in the model. */

/* _can_be_finished_by_browser */
#define may_be_finished(n) (!tx[n].ended \
    && (tx[n].state == DRAFT || tx[n].state == ERROR || tx[n].state == CANCEL))
/* _get_payment_in_progress */
#define is_in_progress(n) (tx[n].state == DONE && !tx[n].booked)

#if ATTEMPTS == 2
#define any(condition) (condition(0) || condition(1))
#define FOR_EACH(task) task(0) task(1)
#else
#define any(condition) (condition(0) || condition(1) || condition(2))
#define FOR_EACH(task) task(0) task(1) task(2)
#endif

/* Money moves. */
inline capture(n) {
    payment[n].status = SUCCEEDED;
    payment[n].declined = 0;
    payment[n].message = 1;
    captures++;
    assert(captures <= 1);              /* ONCE */
    assert(order != CANCELLED)          /* NOT AFTER THE CANCELLATION */
}

/* _process: what the provider says, in whatever way it comes. */
inline take_in(n) {
    if
    :: payment[n].status == SUCCEEDED && tx[n].state != DONE ->     /* _set_done: from any state */
        tx[n].state = DONE; tx[n].booked = 0; is_old = 1
    :: payment[n].status == ENDED && tx[n].state == DRAFT -> tx[n].state = CANCEL; is_old = 1
    :: payment[n].status == OPEN && payment[n].declined && tx[n].state == DRAFT ->
        tx[n].state = ERROR; is_old = 1
    :: else -> skip
    fi
}

/* _post_process: _approve_initial_payment, or _report_payment_on_account. */
inline book(n) {
    tx[n].booked = 1;
    if
    :: order == PENDING -> order = APPROVED
    :: else -> tx[n].on_account = 1
    fi
}

/*
 * _give_up: each of them is ended at the provider first, while the order is locked; what customers
 * do at the provider is not. What was learned is in `found` until the commit: whoever dies before,
 * or is refused without one, leaves nothing of it in the database.
 */
#define give_up_step(n) \
    atomic { \
        if \
        :: !may_be_finished(n) -> found[n] = NOTHING \
        :: may_be_finished(n) -> ask_to_end(n) \
        fi; \
        if \
        :: found[n] == SUCCEEDED || found[n] == OPEN || found[n] == UNANSWERED -> is_refused = 1 \
        :: else -> skip \
        fi \
    };
#define keep_found(n) \
    if                                          /* _end_at_provider, _supersede */ \
    :: found[n] == ENDED -> tx[n].ended = ends_at_provider; tx[n].state = CANCEL \
    :: found[n] == SUCCEEDED -> take_in(n) \
    :: else -> skip \
    fi; \
    found[n] = NOTHING;

#ifdef MUTATION_GIVEN_UP_IN_THE_BOOKS_ALONE
#define ends_at_provider 0
#define ask_to_end(n) found[n] = ENDED
#else
#define ends_at_provider 1
/* _ask_stripe_to_end: the request, its answer, or the question after it can be lost. */
#define ask_to_end(n) \
    if \
    :: true -> end_payment(n); found[n] = payment[n].status \
    :: true -> end_payment(n); found[n] = no_answer \
    :: true -> found[n] = no_answer \
    :: true -> found[n] = payment[n].status \
    fi
#endif
#ifdef MUTATION_UNANSWERED_IS_ENDED
#define no_answer ENDED
#else
#define no_answer UNANSWERED
#endif
inline end_payment(n) {
    if
    :: payment[n].status == OPEN -> payment[n].status = ENDED; payment[n].message = 1
    :: else -> skip
    fi
}
#define give_up_all() FOR_EACH(give_up_step)
#define keep_all() FOR_EACH(keep_found)
#define forget(n) found[n] = NOTHING;
#define forget_all() FOR_EACH(forget)

/* === A TAB: billpro_order_transaction, Stripe's form, and the way back === */

#ifdef MUTATION_NOT_LOCKED
#define unlock() skip
#else
#define unlock() owner = 0
#endif

/* _is_billing_reusable and _is_still_open; another choice in the form isn't the same payment. */
#define REUSE(i) \
    :: tx[i].state == DRAFT && !tx[i].ended && payment[i].status == OPEN -> \
        mine = i; owner = 0; goto open

proctype Tab(byte me) {
    byte mine, times, found[ATTEMPTS];
    bit is_refused;

shown:
    atomic {
        is_refused = 0; mine = ATTEMPTS;
        if
        :: times == BEGINNINGS -> goto over
        :: times < BEGINNINGS -> times++
        :: goto over                            /* The tab is closed. */
        fi
    };
    atomic {
#ifdef MUTATION_NOT_LOCKED
        true;
#else
        owner == 0; owner = me; is_old = 0;
#endif
        if
        :: order != PENDING || any(is_in_progress) -> unlock(); goto over
        FOR_EACH(REUSE)
        :: order == PENDING && !any(is_in_progress) -> skip
        fi
    };
    give_up_all();
    if
    :: atomic { forget_all() unlock(); goto shown }         /* The process dies. */
    :: true -> skip
    fi;
    atomic {                                    /* Committed, whether it goes on or not. */
        if
        :: is_old -> forget_all() unlock(); goto shown
        :: else -> skip
        fi;
        keep_all()
        if
        :: is_refused || any(is_in_progress) || begun == ATTEMPTS -> unlock(); goto shown
        :: else ->
            mine = begun; begun++;
            tx[mine].state = DRAFT; payment[mine].status = OPEN;
            unlock()
        fi
    };

open:
    if
    :: atomic { payment[mine].status == OPEN -> /* A card is entered. */
        if
        :: capture(mine)
        :: payment[mine].declined = 1; payment[mine].message = 1
        fi };
        if
        :: atomic { take_in(mine) }             /* _take_in_stripe_return */
        :: true -> skip                             /* The customer doesn't come back. */
        fi;
        goto shown
    :: payment[mine].status != OPEN -> goto shown   /* The form says so. */
    :: goto shown                                   /* "Back" */
    :: goto waits                                   /* The form stays open. */
    fi;
waits:
    if
    :: atomic { payment[mine].status == OPEN -> capture(mine) }
    :: true -> skip
    fi;
over:
    skip
}
/* === STAFF: _action_cancel, once or never === */

proctype Staff(byte me) {
    byte found[ATTEMPTS];
    bit is_refused;

    if
    :: atomic { owner == 0 -> owner = me; is_old = 0 };
        if
        :: order != PENDING || any(is_in_progress) -> skip      /* _check_no_payment_in_progress */
        :: else ->
            give_up_all();
            atomic {
                if
                :: is_refused -> skip           /* Refused in words: nothing is kept. */
                :: true -> skip                 /* The process dies, or its view is old. */
                :: !is_refused && !is_old -> keep_all() order = CANCELLED
                fi;
                forget_all()
            }
        fi;
        owner = 0
    :: true -> skip
    fi
}

/* === THE SERVER: messages, which Stripe repeats until one has arrived, and booking === */

#define MESSAGE(i) \
    :: atomic { owner == 0 && payment[i].message -> payment[i].message = 0; take_in(i) }
#ifdef MUTATION_MESSAGES_ARE_IGNORED
#define TOLD(i) \
    :: atomic { owner == 0 && payment[i].message -> payment[i].message = 0 }
#else
#define TOLD(i) MESSAGE(i)
#endif
#define BOOK(i) \
    :: d_step { owner == 0 && is_in_progress(i) -> book(i) }

proctype Server() {
end_idle:
    do
    FOR_EACH(TOLD)
    FOR_EACH(BOOK)
    od
}

/* === NOTHING IS LEFT TO DO === */

#define is_lost(i) (payment[i].status == SUCCEEDED && !tx[i].booked)
#define is_invented(i) (tx[i].booked && payment[i].status != SUCCEEDED)

proctype End() {
end_idle:
    atomic {
        timeout ->
        assert(!any(is_lost));                  /* BOOKED, or on account and reported */
        assert(!any(is_invented));
        assert(order != APPROVED || captures >= 1);
        assert(captures == 0 || order == APPROVED || tx[0].on_account || tx[1].on_account)
    }
}

init {
    atomic { run Tab(1); run Tab(2); run Staff(3); run Server(); run End() }
}
