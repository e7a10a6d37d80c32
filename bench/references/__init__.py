"""What the figures are measured against: the same rows on the same services, with less done to them."""
