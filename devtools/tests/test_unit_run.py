from devtools import unit_run


def test_files_without_a_database_are_found():
    files = unit_run.files()
    assert 'billpro_portal/tests/test_money.py' in files
    assert 'billpro_portal/tests/test_calendar.py' in files
    assert 'billpro_portal/tests/test_booking.py' not in files
