from . import checkout, order_documents, order_portal
