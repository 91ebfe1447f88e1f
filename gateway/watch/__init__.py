"""Watch: what runs beside requests. Nothing here may be imported on the way of a request."""
