from . import test_contracts
from . import test_adyen
from . import test_adyen_form
from . import test_authorize_net
from . import test_razorpay
from . import test_lost_answers
from . import test_redirect
from . import test_abilities
