def test_opens(page):
    assert page.title()
