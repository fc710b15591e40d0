from devtools.released_schema import spell_alike


def test_a_restored_index_is_the_one_that_was_created():
    created = (
        "CREATE INDEX one ON public.event USING btree (id) WHERE ((status)::text = ANY"
        " ((ARRAY['processing'::character varying, 'unknown'::character varying])::text[]))"
    )
    restored = (
        "CREATE INDEX one ON public.event USING btree (id) WHERE ((status)::text = ANY"
        " (ARRAY[('processing'::character varying)::text, ('unknown'::character varying)::text]))"
    )
    spelled = (
        "CREATE INDEX one ON public.event USING btree (id) WHERE ((status)::text = ANY"
        " (ARRAY['processing'::text, 'unknown'::text]))"
    )
    assert spell_alike(created) == spell_alike(restored) == spell_alike(spelled) == spelled


def test_other_definitions_stay_as_they_are():
    column = "sale_order billing_status f character varying"
    assert spell_alike(column) == column
    assert spell_alike("CHECK ((kind)::text <> 'x'::text)") == "CHECK ((kind)::text <> 'x'::text)"
