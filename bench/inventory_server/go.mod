module inventory_server

go 1.20
