"""Services with all their children: started, found again by others, measured, ended."""
