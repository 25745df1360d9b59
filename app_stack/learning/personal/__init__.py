"""Personal data of learners, for real-name registration: encrypted column by column, shown masked."""
